// Reads values off the charts of a page: by mouse, touch and keyboard. A drag, or the keys + and -,
// choose other days. The numbers are in the picture itself, in its <metadata>, as
// api/charts/readout.py writes them. Without JavaScript the picture and the tables are all there is.
"use strict";

{
  const ONE_DAY_MS = 86_400_000;
  const MIN_DAYS = 7;

  const charts = [];

  const element = (tag, name, parent) => {
    const made = document.createElement(tag);
    made.className = name;
    parent.append(made);
    return made;
  };

  const numberText = (value) => value.toLocaleString("en", { maximumFractionDigits: 2 });

  class Chart {
    constructor(figure) {
      this.figure = figure;
      this.image = figure.querySelector("img");
      this.url = null;
      this.anchor = null;
      this.index = null;
      // Another picture is loaded when the window gets narrower or wider.
      this.image.addEventListener("load", () => this.load());
      if (this.image.complete) this.load();
    }

    async load() {
      const url = this.image.currentSrc;
      if (!url || url === this.url) return;
      this.url = url;
      let text;
      try {
        // The browser has it in its cache.
        const response = await fetch(url);
        if (!response.ok) return;
        text = await response.text();
      } catch {
        return;
      }
      const found = /<metadata>.*?<\/metadata>/s.exec(text);
      if (!found || url !== this.url) return;
      // The element alone: the policy of the pages forbids the <style> of the picture.
      const metadata = new DOMParser().parseFromString(found[0], "text/xml").documentElement;
      this.read(JSON.parse(metadata.textContent), text);
    }

    read(numbers, text) {
      const [, width, height] = / width="([\d.]+)" height="([\d.]+)"/.exec(text).map(Number);
      this.numbers = numbers;
      this.size = { width, height };
      this.count = numbers.spans.length || numbers.names.length || numbers.days;
      this.rows = numbers.panels.flatMap((panel) =>
        panel.rows.map((row) => ({ ...row, panel, values: this.decode(row.runs) })),
      );
      if (!this.reader) this.build();
      this.reader.style.left = `${(100 * numbers.left) / width}%`;
      this.reader.style.width = `${(100 * numbers.width) / width}%`;
      this.reader.setAttribute("aria-valuemax", this.count - 1);
      this.dots.forEach((dot) => dot.remove());
      this.dots = this.rows.map((row) => element("span", `chart-dot series${row.colour}`, this.reader));
      this.hide();
      this.describe(this.newest());
      if (location.hash === `#${this.figure.id}`) this.reader.focus({ preventScroll: true });
    }

    decode(runs) {
      const values = new Array(this.count).fill(null);
      for (const [start, ...steps] of runs) {
        let value = 0;
        steps.forEach((step, number) => {
          value += step;
          values[start + number] = value;
        });
      }
      return values;
    }

    build() {
      const reader = element("div", "chart-reader", this.figure);
      reader.tabIndex = 0;
      reader.setAttribute("role", "slider");
      reader.setAttribute("aria-label", `Values of the chart: ${this.image.alt}`);
      reader.setAttribute("aria-valuemin", 0);
      this.reader = reader;
      this.selection = element("span", "chart-selection", reader);
      this.line = element("span", "chart-line", reader);
      this.values = element("span", "chart-values", reader);
      this.dots = [];
      reader.addEventListener("pointerdown", (event) => this.press(event));
      reader.addEventListener("pointermove", (event) => this.move(event));
      reader.addEventListener("pointerup", () => this.release());
      reader.addEventListener("pointercancel", () => this.select(null));
      reader.addEventListener("pointerleave", () => this.leave());
      reader.addEventListener("keydown", (event) => this.pressKey(event));
      reader.addEventListener("focus", () => this.index === null && this.show(this.newest()));
      reader.addEventListener("blur", () => this.hideAll());
      // Below the first chart alone, whichever is loaded first.
      if (charts.find((chart) => chart.zooms()) === this) this.addTools();
    }

    addTools() {
      const tools = document.createElement("div");
      tools.className = "chart-tools";
      for (const [text, factor] of [["Zoom in", 0.5], ["Zoom out", 2]]) {
        const button = element("button", "secondary", tools);
        button.type = "button";
        button.textContent = text;
        button.addEventListener("click", () => this.scale(factor));
      }
      const hint = element("span", "muted", tools);
      hint.textContent = matchMedia("(pointer: coarse)").matches
        ? "Touch the chart to read its values."
        : "Drag across the chart, or press + and −, to zoom. Arrow keys read the values.";
      this.figure.after(tools);
    }

    // --- slots and days

    zooms() {
      return "latest" in this.figure.dataset;
    }

    span(index) {
      return this.numbers.spans[index] ?? [index, index];
    }

    number(date) {
      return Math.round((Date.parse(date) - Date.parse(this.numbers.first)) / ONE_DAY_MS);
    }

    date(number) {
      const day = new Date(Date.parse(this.numbers.first) + number * ONE_DAY_MS);
      return day.toISOString().slice(0, 10);
    }

    name(index) {
      if (this.numbers.names.length) return this.numbers.names[index];
      const [since, until] = this.span(index);
      return since === until ? this.date(since) : `${this.date(since)} to ${this.date(until)}`;
    }

    share(index) {
      const [since, until] = this.span(index);
      return (since + until + 1) / 2 / this.numbers.days;
    }

    slotAt(event) {
      const box = this.reader.getBoundingClientRect();
      const day = ((event.clientX - box.left) / box.width) * this.numbers.days;
      const last = this.count - 1;
      if (!this.numbers.spans.length) {
        return Math.min(Math.max(Math.floor((day / this.numbers.days) * this.count), 0), last);
      }
      const found = this.numbers.spans.findIndex(([, until]) => day < until + 1);
      return found < 0 ? last : found;
    }

    newest() {
      for (let index = this.count - 1; index > 0; index--) {
        if (this.rows.some((row) => row.values[index] !== null)) return index;
      }
      return this.count - 1;
    }

    // --- what is shown

    texts(index) {
      const known = this.rows.filter((row) => row.values[index] !== null);
      const texts = known.map((row) => {
        const note = (row.notes ?? []).find(([first, last]) => first <= index && index <= last);
        return [row, `${numberText(row.values[index])}${note ? `, ${note[2]}` : ""}`];
      });
      const [since, until] = this.span(index);
      const events = this.numbers.events.filter(([day]) => since <= day && day <= until);
      return [texts, events.map(([, text]) => text)];
    }

    describe(index) {
      const [texts, events] = this.texts(index);
      const parts = texts.map(([row, text]) => `${row.label} ${text}`);
      const words = [...(parts.length ? parts : ["not recorded"]), ...events].join("; ");
      this.reader.setAttribute("aria-valuenow", index);
      this.reader.setAttribute("aria-valuetext", `${this.name(index)}: ${words}`);
    }

    show(index) {
      this.draw(index);
      const [since, until] = this.span(index);
      if (this.numbers.first === null) return;
      const middle = this.date(Math.floor((since + until) / 2));
      for (const other of charts) if (other !== this) other.follow(middle);
    }

    follow(day) {
      if (!this.numbers?.first) return;
      const number = this.number(day);
      const spans = this.numbers.spans;
      const index = spans.length
        ? spans.findIndex(([since, until]) => since <= number && number <= until)
        : number;
      if (index >= 0 && index < this.count) this.draw(index);
      else this.hide();
    }

    draw(index) {
      this.index = index;
      const share = this.share(index);
      this.line.style.left = `${100 * share}%`;
      this.rows.forEach((row, number) => {
        const dot = this.dots[number];
        const value = row.values[index];
        dot.hidden = value === null || !row.panel.has_points;
        if (dot.hidden) return;
        const { top, height, lowest, highest, is_log: isLog } = row.panel;
        const scale = isLog ? Math.log : (each) => each;
        const range = scale(highest) - scale(lowest);
        const up = range ? (scale(value) - scale(lowest)) / range : 0.5;
        dot.style.left = `${100 * share}%`;
        dot.style.top = `${(100 * (top + (1 - up) * height)) / this.size.height}%`;
      });
      this.writeValues(index);
      // Beside the line, on the side with more room.
      this.values.classList.toggle("before", share > 0.5);
      this.values.style.left = share > 0.5 ? "auto" : `${100 * share}%`;
      this.values.style.right = share > 0.5 ? `${100 * (1 - share)}%` : "auto";
      this.reader.classList.add("active");
      this.describe(index);
    }

    writeValues(index) {
      const [texts, events] = this.texts(index);
      this.values.replaceChildren();
      element("strong", "", this.values).textContent = this.name(index);
      for (const [row, text] of texts) {
        const line = element("span", `series${row.colour}`, this.values);
        line.textContent = `${row.label} ${text}`;
      }
      if (!texts.length) element("span", "", this.values).textContent = "not recorded";
      for (const text of events) element("span", "", this.values).textContent = text;
    }

    hide() {
      this.index = null;
      this.reader?.classList.remove("active");
    }

    hideAll() {
      this.select(null);
      for (const chart of charts) chart.hide();
    }

    // --- pointers and keys

    press(event) {
      if (event.button !== 0) return;
      this.show(this.slotAt(event));
      this.reader.setPointerCapture(event.pointerId);
      this.reader.focus({ preventScroll: true });
      // A finger reads values; it scrolls the page, too.
      if (event.pointerType === "mouse") this.anchor = this.index;
    }

    move(event) {
      this.show(this.slotAt(event));
      if (this.anchor !== null && event.buttons) this.select(this.anchor);
    }

    release() {
      this.zoomToSelection();
    }

    leave() {
      if (document.activeElement !== this.reader) this.hideAll();
    }

    pressKey(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const from = this.index ?? this.newest();
      const page = Math.max(1, Math.round(this.count / 10));
      const steps = {
        ArrowLeft: from - 1, ArrowDown: from - 1, ArrowRight: from + 1, ArrowUp: from + 1,
        PageDown: from - page, PageUp: from + page, Home: 0, End: this.count - 1,
      };
      if (event.key in steps) {
        this.show(Math.min(Math.max(steps[event.key], 0), this.count - 1));
        this.select(event.shiftKey ? (this.anchor ?? from) : null);
      } else if (event.key === "Enter") {
        this.zoomToSelection();
      } else if (event.key === "Escape") {
        this.hideAll();
      } else if (event.key === "+" || event.key === "=") {
        this.scale(0.5);
      } else if (event.key === "-") {
        this.scale(2);
      } else {
        return;
      }
      event.preventDefault();
    }

    // --- other days

    select(anchor) {
      this.anchor = anchor;
      const selected = anchor !== null && this.index !== null && anchor !== this.index;
      this.reader?.classList.toggle("selecting", selected && this.zooms());
      if (!selected) return;
      const [since, until] = this.selected();
      this.selection.style.left = `${(100 * since) / this.numbers.days}%`;
      this.selection.style.width = `${(100 * (until + 1 - since)) / this.numbers.days}%`;
    }

    selected() {
      const ends = [this.anchor, this.index].sort((one, other) => one - other);
      return [this.span(ends[0])[0], this.span(ends[1])[1]];
    }

    zoomToSelection() {
      const { anchor } = this;
      if (anchor !== null && this.index !== null && anchor !== this.index) {
        this.go(...this.selected());
      }
      this.select(null);
    }

    scale(factor) {
      if (!this.zooms()) return;
      const { days } = this.numbers;
      const wanted = Math.max(Math.round(days * factor), MIN_DAYS);
      const middle = this.index === null ? days / 2 : this.share(this.index) * days;
      const since = Math.round(middle - (middle / days) * wanted);
      // There are no days after the latest: show as many more before.
      const after = Math.max(since + wanted - 1 - this.number(this.figure.dataset.latest), 0);
      this.go(since - after, since - after + wanted - 1);
    }

    go(since, until) {
      if (!this.zooms()) return;
      const { earliest, latest } = this.figure.dataset;
      let [from, to] = [this.date(since), this.date(until)];
      if (to > latest) to = latest;
      if (earliest && from < earliest) from = earliest;
      if (from === this.date(0) && to === this.date(this.numbers.days - 1)) return;
      const url = new URL(location.href);
      for (const name of ["period", "page"]) url.searchParams.delete(name);
      url.searchParams.set("from", from);
      url.searchParams.set("to", to);
      url.hash = this.figure.id;
      location.assign(url);
    }
  }

  for (const figure of document.querySelectorAll(".chart")) charts.push(new Chart(figure));
}
