// Sends a chosen file as the body of a request, which the server stores while it arrives.
"use strict";

const form = document.getElementById("upload");
const [file, format, name, repo] = ["file", "format", "name", "repo"].map((id) =>
  document.getElementById(id),
);
const message = document.getElementById("message");
const button = form.querySelector("button");

function requireRepository() {
  repo.required = format.selectedOptions[0].dataset.needsRepo === "true";
}

function show(text, isProblem) {
  message.textContent = text;
  message.className = isProblem ? "problem" : "";
}

// A problem is one sentence, or a list of what is wrong with each parameter.
function describe(detail) {
  if (typeof detail === "string") return detail;
  return detail.map((each) => `${each.loc.at(-1)}: ${each.msg}`).join("; ");
}

async function upload() {
  const query = new URLSearchParams({ format: format.value, name: name.value.trim() });
  if (repo.value.trim()) query.set("repo", repo.value.trim());
  const response = await fetch(`${form.dataset.url}?${query}`, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/octet-stream" },
    body: file.files[0],
  });
  // The session has ended: the server redirected to the login.
  if (response.redirected) return response.url;
  const result = await response.json();
  if (!response.ok) throw new Error(describe(result.detail));
  return result.url;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  show("Uploading …", false);
  try {
    location.assign(await upload());
  } catch (error) {
    // A connection that is cut is a TypeError, whose text differs from browser to browser.
    show(error instanceof TypeError ? "The upload was cut off." : error.message, true);
    button.disabled = false;
  }
});
format.addEventListener("change", requireRepository);
requireRepository();
form.hidden = false;
