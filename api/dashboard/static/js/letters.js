// The page of refused messages: a plain list to find, look into, take again and delete.

import { fill, h, setText } from "./dom.js";
import { moment } from "./format.js";
import { loadWords, t, word } from "./i18n.js";
import { getJson, postJson, request, API } from "./net.js";

const PAGE = 50;
const KINDS = ["topic", "device", "port", "size", "payload", "value", "picture", "stale", "store", "internal"];
const byId = (id) => document.getElementById(id);

await loadWords("/static");

const form = byId("filter");
const list = byId("letters");
let me = { role: "viewer" };
let next = null;

form.elements.kind.append(...KINDS.map((kind) => h("option", { value: kind, text: word("refusal", kind) })));
const asked = new URLSearchParams(location.search);
for (const name of ["within", "kind", "topic"]) form.elements[name].value = asked.get(name) ?? "";

/** The conditions as they stand in the form; what is empty does not matter. */
function conditions() {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
}

function say(text, failed = false) {
  const box = byId("said");
  setText(box, text);
  box.dataset.failed = failed;
}

async function read(cursor = null) {
  try {
    const query = new URLSearchParams({ ...conditions(), limit: PAGE, ...(cursor ? { cursor } : {}) });
    const page = await getJson(`/dead-letters?${query}`);
    if (!cursor) list.replaceChildren();
    list.append(...page.items.map(entry));
    next = page.next;
    byId("more").hidden = !next;
    setText(byId("total"), page.total ? t("letters.total", { n: page.total }) : t("letters.none"));
    showSources(page.sources);
    const all = byId("replay-all");
    all.hidden = page.total < 2;
    setText(all, t("letters.replay_all", { n: page.total }));
    if (!cursor) say("");
  } catch (error) {
    say(error.message, true);
  }
}

function showSources(sources) {
  const named = sources.filter((source) => source.device);
  fill(byId("places"), named.map((source) => h("option", { value: source.device })));
  const box = byId("sources");
  box.hidden = sources.length === 0;
  fill(box, h("span", { text: t("letters.most") }), sources.slice(0, 5).map((source) => h("button", {
    class: "link", type: "button", disabled: !source.device,
    text: t(source.unkept ? "letters.source_more" : "letters.source", { device: source.device ?? t("letters.unknown"), n: source.letters, more: source.unkept }),
    on: { click: () => { form.elements.within.value = source.device; read(); } },
  })));
}

function entry(letter) {
  const body = h("div", { class: "letter-body" });
  const details = h("details", { class: "letter", data: { kind: letter.kind } },
    h("summary", {},
      h("time", { text: moment(letter.received_ts, Date.now()) }),
      h("span", { class: "letter-kind", text: word("refusal", letter.kind, t("letters.unknown")) }),
      h("span", { class: "letter-device", text: letter.device ?? letter.topic }),
      h("span", { class: "letter-reason", text: letter.reason }),
      letter.unkept ? h("span", { class: "letter-alike", text: t("letters.alike", { n: letter.unkept }) }) : null),
    body);
  const item = h("li", {}, details);
  details.addEventListener("toggle", () => details.open && show(letter.id, body, item));
  return item;
}

async function show(id, body, item) {
  try {
    const { letter, text, hex } = await getJson(`/dead-letters/${id}`);
    const row = (name, value) => [h("dt", { text: t(`letters.${name}`) }), h("dd", { text: value })];
    fill(body,
      h("dl", { class: "letter-facts" }, [h("dt", { text: t("letters.topic_full") }), h("dd", { text: letter.topic })], row("reason", letter.reason),
        row("size", letter.whole ? t("letters.bytes", { n: letter.size }) : t("letters.bytes_cut", { n: letter.size })),
        letter.tries ? row("tried", t("letters.times", { n: letter.tries, time: moment(letter.tried_ts, Date.now()) })) : []),
      text === null ? null : h("pre", { class: "letter-text", text }),
      h("details", {}, h("summary", { text: t("letters.hex") }), h("pre", { class: "letter-hex", text: lines(hex) })),
      h("div", { class: "letter-actions" },
        h("button", { class: "button button-primary", type: "button", text: t("letters.replay"), on: { click: (event) => replay(id, item, body, event.target) } }),
        me.role === "admin" ? h("button", { class: "button", type: "button", text: t("letters.delete"), on: { click: () => remove(id, item) } }) : null));
  } catch (error) {
    fill(body, h("p", { class: "muted", text: error.message }));
  }
}

/** Sixteen bytes a line. */
const lines = (hex) => (hex.match(/.{1,48}/g) ?? []).join("\n");

async function replay(id, item, body, button) {
  button.disabled = true;
  try {
    const { outcome, reason } = await postJson(`/dead-letters/${id}/replay`, {});
    if (outcome === "stored") item.remove();
    else await show(id, body, item);
    say(t(`letters.outcome_${outcome}`, { reason }), outcome !== "stored");
  } catch (error) {
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

async function remove(id, item) {
  if (!confirm(t("letters.delete_sure"))) return;
  try {
    await request(`${API}/dead-letters/${id}`, { method: "DELETE" });
    item.remove();
    say(t("letters.deleted"));
  } catch (error) {
    say(error.message, true);
  }
}

byId("replay-all").addEventListener("click", async () => {
  const chosen = conditions();
  if (!confirm(t("letters.replay_sure"))) return;
  try {
    const { wanted } = await postJson("/dead-letters/replay", Object.keys(chosen).length ? chosen : { all: true });
    say(t("letters.wanted", { n: wanted }));
    setTimeout(() => read().then(() => say(t("letters.wanted", { n: wanted }))), 3_000);
  } catch (error) {
    say(error.message, true);
  }
});
byId("more").addEventListener("click", () => read(next));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  history.replaceState(null, "", `?${new URLSearchParams(conditions())}`);
  read();
});

try {
  me = await getJson("/me");
} catch {
  // Then nothing is offered that only an admin may; the list says what went wrong.
}
await read();
document.documentElement.dataset.ready = "true";
