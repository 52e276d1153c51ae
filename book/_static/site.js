/* What the theme leaves undone. Each part stands alone. */
"use strict";

function ready(action) {
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", action);
  } else {
    action();
  }
}

/* The theme listens to the first button of each kind, which lies in a hidden header.
   The buttons that a reader sees press it. */
ready(() => {
  for (const side of ["primary", "secondary"]) {
    const deaf = document.querySelector(`#pst-header .${side}-toggle`);
    const seen = document.querySelectorAll(`.bd-header-article .${side}-toggle`);
    for (const button of seen) {
      if (!button.getAttribute("aria-label")) {
        button.setAttribute(
          "aria-label",
          side === "primary" ? "Contents of the book" : "Contents of this page",
        );
      }
      button.addEventListener("click", () => deaf && deaf.click());
    }
    // Who has chosen a place on this page wants to see it.
    const dialog = document.querySelector(`#pst-${side}-sidebar-modal`);
    dialog?.addEventListener("click", (event) => {
      const link = event.target.closest("a[href^='#']");
      if (link && link.hash) dialog.close();
    });
  }
});

/* The theme loads the search everywhere, and Sphinx then marks no words. */
ready(() => {
  const asked = new URLSearchParams(location.search).has("highlight");
  const kept = (() => {
    try {
      return localStorage.getItem("sphinx_highlight_terms");
    } catch {
      return null;
    }
  })();
  const results = document.querySelector("#search-results");
  if (results || !(asked || kept) || typeof SphinxHighlight === "undefined") return;
  SphinxHighlight.highlightSearchWords();
  const jump = () => {
    const first = document.querySelector("article .highlighted");
    if (first && !location.hash) first.scrollIntoView({ block: "center" });
  };
  setTimeout(jump, 50); // the words are marked a moment later
});

/* What scrolls sideways can be reached by keyboard. */
ready(() => {
  const look = () => {
    for (const box of document.querySelectorAll(".cell_output, .cell_output .output")) {
      if (box.scrollWidth > box.clientWidth + 1) {
        box.tabIndex = 0;
        box.setAttribute("role", "region");
        box.setAttribute("aria-label", "Output, wider than the page");
        box.closest(".cell_output").classList.add("is-wide");
      }
    }
  };
  window.addEventListener("load", look);
});

/* A moving picture has a button that stops it; it starts still for who asks for that. */
ready(() => {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  for (const image of document.querySelectorAll("img[data-moving]")) {
    image.loading = "eager";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "moving-button";
    const frame = document.createElement("canvas");
    frame.setAttribute("role", "img");
    frame.setAttribute("aria-label", image.alt);
    frame.hidden = true;
    const show = (moving) => {
      if (!moving) {
        frame.width = image.naturalWidth;
        frame.height = image.naturalHeight;
        frame.getContext("2d").drawImage(image, 0, 0);
      }
      frame.hidden = moving;
      image.hidden = !moving;
      button.textContent = moving ? "Pause" : "Play";
    };
    const start = () => {
      image.after(frame, button);
      show(!still);
      const toggle = () => show(image.hidden);
      for (const part of [image, frame, button]) part.addEventListener("click", toggle);
    };
    if (image.complete && image.naturalWidth) start();
    else image.addEventListener("load", start, { once: true });
  }
});

/* On paper: light, with the answers open. */
{
  let closed = [];
  let theme;
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("article details:not([open]):not(.hide)")];
    for (const part of closed) part.open = true;
    for (const image of document.images) image.loading = "eager";
    theme = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
  });
  window.addEventListener("afterprint", () => {
    for (const part of closed) part.open = false;
    document.documentElement.dataset.theme = theme;
  });
}
