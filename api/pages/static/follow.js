// Asks how far the adding of a user is and writes it into the page; without this the page loads
// itself again every few seconds.
"use strict";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5000;

const progress = document.getElementById("progress");
let pause = FIRST_PAUSE;

function show(told) {
  const steps = progress.querySelectorAll(".steps > li");
  told.steps.forEach((step, at) => {
    const [stage, text] = [steps[at].querySelector("small"), steps[at].querySelector("p")];
    steps[at].dataset.stage = step.stage;
    // Only what is new: a screen reader reads aloud whatever is written here.
    if (stage.textContent !== step.stage) stage.textContent = step.stage;
    if (text.textContent !== step.text) text.textContent = step.text;
  });
  if (told.user !== null) {
    const after = progress.querySelector(".after");
    after.querySelector("a").setAttribute("href", told.user);
    after.hidden = false;
  }
}

async function look() {
  try {
    const answer = await fetch(progress.dataset.address, { headers: { Accept: "application/json" } });
    if (answer.ok) {
      const told = await answer.json();
      show(told);
      if (told.is_over) return;
    } else if (answer.status === 404) {
      location.reload();
      return;
    }
  } catch {
    // The API is away for a moment: ask again.
  }
  pause = Math.min(pause * 1.25, LONGEST_PAUSE);
  setTimeout(look, pause);
}

setTimeout(look, pause);
