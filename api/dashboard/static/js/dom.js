// Builds DOM without ever parsing text as markup: data goes in as text nodes only.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `props`: class, text, title, on: {event: handler}, data: {…}; anything else becomes an attribute. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat()) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Replaces all children. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Sets text only where it changed, so that an idle screen causes no layout. */
export function setText(element, text) {
  const wanted = text ?? "";
  if (element.textContent !== wanted) element.textContent = wanted;
}

/** Sets or removes an attribute only where it changed. */
export function setAttr(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== String(value)) {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Makes the children of `parent` those of `items`, in order, keeping and updating the elements of known keys. */
export function reconcile(parent, items, keyOf, create, update) {
  const known = parent.reconciled ?? new Map();
  const next = new Map();
  items.forEach((item, index) => {
    const key = keyOf(item);
    const view = known.get(key) ?? create(item);
    next.set(key, view);
    update(view, item);
    if (parent.children[index] !== view.element) parent.insertBefore(view.element, parent.children[index] ?? null);
  });
  for (const [key, view] of known) {
    if (next.has(key)) continue;
    view.destroy?.();
    view.element.remove();
  }
  parent.reconciled = next;
  return next;
}

const ICONS = {
  check: ["M4 12.5l5.2 5.2L20 7"],
  power: ["M12 4v8", "M7.300 7.300a7 7 0 109.400 0"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  back: ["M15 5l-7 7 7 7"],
  chevron: ["M6 9l6 6 6-6"],
  sound: ["M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z", "M15.5 9a4.2 4.2 0 010 6", "M18 6.5a8 8 0 010 11"],
  muted: ["M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z", "M16 9.5l5 5", "M21 9.5l-5 5"],
  eyeoff: ["M4 4l16 16", "M9.9 5.8A9.8 9.8 0 0112 5.5c5 0 8.6 4 9.8 6.5-.5 1-1.500 2.400-2.900 3.600", "M6.300 7.600C4.300 8.900 2.900 10.700 2.200 12c1.200 2.500 4.800 6.500 9.800 6.500 1.400 0 2.700-.3 3.900-.8"],
  camera: ["M3 8.500h3.500L8.500 6h7l2 2.500H21v10H3z", "M12 16.200a3.200 3.200 0 100-6.400 3.200 3.200 0 000 6.400z"],
  offline: ["M4 4l16 16", "M8.500 12.500a5.500 5.500 0 013-1.300", "M5 9.200a10 10 0 013.300-2.100", "M12 7a10 10 0 017 2.200", "M12 18.500h.01"],
  bell: ["M6 16.500V11a6 6 0 1112 0v5.500l1.500 2h-15z", "M10 20.500h4"],
  shed: ["M3 10.500L12 5l9 5.500", "M5 10v9", "M19 10v9", "M9 19v-5h6v5"],
  fire: ["M12 3.500c.5 3.500 5.500 5.500 5.500 10.500a5.500 5.500 0 01-11 0c0-2 1-3.500 2-4.500.3 1.500 1 2.200 1.800 2.500C10 9 10.500 6 12 3.500z"],
  user: ["M12 12a4 4 0 100-8 4 4 0 000 8z", "M4.500 20.500c1-4 4-5.500 7.500-5.500s6.500 1.500 7.500 5.500"],
  note: ["M5 4h14v12l-4 4H5z", "M9 9h6", "M9 13h4"],
  expand: ["M4 9V4h5", "M20 9V4h-5", "M4 15v5h5", "M20 15v5h-5"],
};

/** An inline icon drawn in the text's colour; decorative, so hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" })) {
    svg.setAttribute(key, value);
  }
  for (const d of ICONS[name] ?? []) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

const SHAPES = {
  critical: "M2 2h20v20H2z",
  high: "M12 1.500L23 21.500H1z",
  medium: "M12 22.500L1 2.500h22z",
  low: "M12 1l11 11-11 11L1 12z",
};
const DIGITS = { critical: ["1", 17.5], high: ["2", 18.5], medium: ["3", 14.5], low: ["4", 16.5] };

/** The mark of a severity: one shape and digit each, so that it is told without colour. */
export function severityMark(severity) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "mark");
  svg.setAttribute("data-severity", severity in SHAPES ? severity : "low");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[severity] ?? SHAPES.low);
  const [digit, y] = DIGITS[severity] ?? ["?", 16.5];
  const text = document.createElementNS(SVG, "text");
  text.setAttribute("x", "12");
  text.setAttribute("y", String(y));
  text.textContent = digit;
  svg.append(path, text);
  return svg;
}
