// Elements without markup: every text becomes a text node. There is no other way in, and the
// page's Trusted Types policy throws on any other.

const SVG = new Set(["svg", "path", "g", "rect", "line", "text", "title", "circle", "polyline"]);

/** Make an element: h("a", {href: "#/live", class: "quiet"}, "Live"). Children are texts, nodes,
 * lists of them; null and false are left out. on* are listeners; true and false set or leave an
 * attribute; `title` inside an svg is h("svg:title"). */
export function h(name, attributes, ...children) {
  const plain = name.replace("svg:", "");
  const drawn = name.startsWith("svg:") || (SVG.has(plain) && plain !== "title");
  const made = drawn
    ? document.createElementNS("http://www.w3.org/2000/svg", plain)
    : document.createElement(plain);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "value" && "value" in made && !drawn) made.value = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  add(made, children);
  return made;
}

function add(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) add(parent, child);
    else parent.append(child instanceof Node ? child : String(child));
  }
}

/** Put these in place of all that an element holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

let count = 0;
/** An id that no other element has. */
export const unique = (word) => `${word}-${++count}`;
