// Polls how far a star history is read and updates the line; when it is read, links to the page with
// it. Without JavaScript the line is what it was when the page was loaded.
"use strict";

const FIRST_DELAY_MS = 2000;
const MAX_DELAY_MS = 15000;

const line = document.getElementById("backfill");
let delay = FIRST_DELAY_MS;

function showLink() {
  const link = document.createElement("a");
  link.href = location.pathname + location.search;
  link.textContent = "Show it";
  line.append(" ", link);
}

async function poll() {
  try {
    const response = await fetch(line.dataset.url, { headers: { Accept: "application/json" } });
    if (response.ok) {
      const { state, text } = await response.json();
      const shown = line.querySelector("span");
      // Write changes only: screen readers announce everything that is written here.
      if (shown.textContent !== text) shown.textContent = text;
      if (state === "done") {
        showLink();
        return;
      }
    } else if (response.status === 404) {
      // The user was unfollowed.
      return;
    }
  } catch {
    // The API cannot be reached at the moment: try again.
  }
  delay = Math.min(delay * 1.25, MAX_DELAY_MS);
  setTimeout(poll, delay);
}

setTimeout(poll, delay);
