// The words of the page: one catalogue per language, with the same keys.

const LANGUAGES = ["zh", "en"];
let catalogue = {};

/** The page's language, as the server set it. */
export const lang = LANGUAGES.includes(document.documentElement.lang.slice(0, 2))
  ? document.documentElement.lang.slice(0, 2)
  : "zh";

/** Reads the catalogue of the page's language; throws where it cannot be had. */
export async function loadWords(base) {
  const response = await fetch(`${base}/i18n/${lang}.json`);
  if (!response.ok) throw new Error(`catalogue ${lang}: ${response.status}`);
  catalogue = await response.json();
}

/** The text of a key with `{name}` filled in; the key itself where there is none. */
export function t(key, params = {}) {
  const text = catalogue[key];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => params[name] ?? "");
}

/** The word for a value of a list that may grow, such as alert kinds: an unknown one is shown as it came. */
export function word(group, value, fallback = undefined) {
  if (value === null || value === undefined || value === "") return fallback ?? "";
  return catalogue[`${group}.${value}`] ?? fallback ?? String(value).replaceAll("_", " ");
}

/** All texts `prefix.1`, `prefix.2`, … */
export function listOf(prefix) {
  const texts = [];
  for (let n = 1; catalogue[`${prefix}.${n}`] !== undefined; n += 1) texts.push(catalogue[`${prefix}.${n}`]);
  return texts;
}

/** A name or message given in both languages, in the page's one. */
export function pick(names, fallback = "") {
  if (typeof names === "string") return names || fallback;
  return names?.[lang] || names?.zh || names?.en || fallback;
}
