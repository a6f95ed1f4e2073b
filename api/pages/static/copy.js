// Buttons that copy a text of the page, and forms that are sent when a choice changes. Without
// JavaScript the texts can be selected, and the forms have a button.
"use strict";

const COPIED_MS = 2000;

async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.value);
    return true;
  } catch {
    // Without HTTPS there is no clipboard but this one.
    source.select();
    return document.execCommand("copy");
  }
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  const label = [...button.childNodes];
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    const isCopied = await copy(document.getElementById(button.dataset.copies));
    button.textContent = isCopied ? "Copied" : "Press Ctrl+C to copy";
    setTimeout(() => {
      button.replaceChildren(...label);
    }, COPIED_MS);
  });
  button.hidden = false;
}

for (const form of document.querySelectorAll("form[data-submit-on-change]")) {
  form.addEventListener("change", () => form.requestSubmit());
}
