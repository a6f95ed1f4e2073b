// Polls the steps of following a user and updates the page. Without JavaScript the page reloads
// itself every few seconds.
"use strict";

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 5000;

const progress = document.getElementById("progress");
let delay = FIRST_DELAY_MS;

function update(result) {
  const items = progress.querySelectorAll(".steps > li");
  result.steps.forEach((step, index) => {
    const item = items[index];
    const [stage, text] = [item.querySelector("small"), item.querySelector("p")];
    item.dataset.stage = step.stage;
    // Write changes only: screen readers announce everything that is written here.
    if (stage.textContent !== step.stage) stage.textContent = step.stage;
    if (text.textContent !== step.text) text.textContent = step.text;
  });
  if (result.is_lookup_failed) {
    // Absent for visitors who may not follow anyone.
    document.getElementById("another")?.removeAttribute("hidden");
  }
  if (result.user_url !== null) {
    const next = progress.querySelector(".next");
    next.querySelector("a").setAttribute("href", result.user_url);
    next.hidden = false;
  }
}

async function poll() {
  try {
    const response = await fetch(progress.dataset.url, { headers: { Accept: "application/json" } });
    if (response.ok) {
      const result = await response.json();
      update(result);
      if (result.is_finished) return;
    } else if (response.status === 404) {
      location.reload();
      return;
    }
  } catch {
    // The API cannot be reached at the moment: try again.
  }
  delay = Math.min(delay * 1.25, MAX_DELAY_MS);
  setTimeout(poll, delay);
}

setTimeout(poll, delay);
