// Before the page is drawn, so that it never flashes in the other theme: light, dark or the system's.
"use strict";
try {
  const kept = localStorage.getItem("theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
} catch (error) {
  console.warn("theme not read", error);
}
