// Shows the documentation of the API, in the theme that the reader's system prefers.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");

function followTheme() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

// At once, before anything is painted.
followTheme();
dark.addEventListener("change", followTheme);

document.addEventListener("DOMContentLoaded", () => {
  SwaggerUIBundle({
    url: document.getElementById("documentation").dataset.url,
    dom_id: "#documentation",
    layout: "BaseLayout",
    deepLinking: true,
    showExtensions: true,
    showCommonExtensions: true,
    presets: [SwaggerUIBundle.presets.apis],
  });
});
