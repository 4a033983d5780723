"use strict";

// Offsets in annotations count code points, and JavaScript counts UTF-16 units.
const codePoints = (text, units) => Array.from(text.slice(0, units)).length;
const units = (text, points) => Array.from(text).slice(0, points).join("").length;

const TOKEN = document.currentScript.dataset.token;
const STOPPED = "the program that serves this page has stopped. Start it again, and open the address that it prints.";
const STANCES = { f: "favor", a: "against", n: "neutral" };
const $ = (id) => document.getElementById(id);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

let codebook, passages, annotator;
let place = 0; // of the passage that is shown
let current = null; // the topic that a stance, a holder or evidence is for
let waiting = Promise.resolve(); // saves follow each other
let pending = 0; // saves that are not acknowledged
let drawn = ""; // what the text shows: to draw it again would drop the reader's selection
let listed = ""; // what the topics show: to draw them again would drop a click that has begun

async function ask(path, body) {
  const options = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    const response = await fetch(`${path}?token=${encodeURIComponent(TOKEN)}`, options);
    const type = response.headers.get("content-type") || "";
    return { ok: response.ok, content: type.includes("json") ? await response.json() : { error: await response.text() } };
  } catch {
    return { ok: false, content: { error: STOPPED } };
  }
}

const shown = () => passages[place];
const empty = () => ({ labels: [], none: false, doubt: false, note: "" });

// What the page shows of a passage: `none` tells "none of the topics" from a passage that is unread.
function draft(passage) {
  if (!passage.draft) {
    const { reading } = passage;
    passage.draft = reading
      ? { labels: reading.labels.map((label) => ({ ...label })), none: reading.labels.length === 0, doubt: reading.doubt, note: reading.note || "" }
      : empty();
  }
  return passage.draft;
}

const label = (topic) => draft(shown()).labels.find((each) => each.topic === topic && each.target == null);

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

// Save the draft of a passage. The page goes on at once; saves are sent one after the other.
function save() {
  const passage = shown();
  const { labels, none, doubt, note } = draft(passage);
  const reading = { passage: passage.id, labels: none || labels.length ? labels : null, doubt, note: note.trim() || null };
  const sent = JSON.parse(JSON.stringify(reading));
  passage.unsaved = (passage.unsaved || 0) + 1;
  pending += 1;
  say("saving …");
  waiting = waiting.then(() => send(passage, sent));
  show();
}

async function send(passage, reading) {
  const { ok, content } = await ask("reading", { ...reading, revision: passage.revision });
  passage.unsaved -= 1;
  pending -= 1;
  if ("revision" in content) take(passage, content);
  if (!ok) {
    passage.draft = null;
    say(content.error === STOPPED ? `not saved: ${STOPPED}` : content.error, true);
  } else if (!pending) say("saved");
  show();
}

// Take over what the server has of a passage, unless that is known already, or the user went on with it meanwhile.
function take(passage, content) {
  if (content.revision <= passage.revision) return;
  passage.reading = content.reading;
  passage.revision = content.revision;
  if (passage.unsaved) return;
  // A doubt and a note of an unread passage are on this page alone.
  const { doubt, note } = draft(passage);
  passage.draft = passage.reading ? null : { ...empty(), doubt, note };
}

function toggleTopic(topic) {
  const now = draft(shown());
  if (label(topic)) {
    now.labels = now.labels.filter((each) => each !== label(topic));
    current = now.labels.length ? now.labels.at(-1).topic : null;
  } else {
    now.labels.push({ topic });
    now.none = false;
    current = topic;
  }
  save();
}

function setStance(topic, stance) {
  const about = label(topic);
  if (!about) return say("choose a topic first", true);
  if (about.stance === stance) delete about.stance;
  else about.stance = stance;
  delete about.shares;
  current = topic;
  save();
}

function setNone() {
  const now = draft(shown());
  Object.assign(now, { none: !now.none, labels: [] });
  current = null;
  const goOn = now.none;
  save();
  if (goOn) nextUnread();
}

// The selected part of the passage in code points, without white space at its ends, or null.
function selected() {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  if (!$("text").contains(range.startContainer) || !$("text").contains(range.endContainer)) return null;
  const before = range.cloneRange();
  before.selectNodeContents($("text"));
  before.setEnd(range.startContainer, range.startOffset);
  const text = shown().text;
  let start = before.toString().length;
  let end = start + range.toString().length;
  while (start < end && /\s/.test(text[start])) start += 1;
  while (end > start && /\s/.test(text[end - 1])) end -= 1;
  return start < end ? [codePoints(text, start), codePoints(text, end)] : null;
}

// The sentence after the one that is marked, in code points; null after the last.
function nextSentence(span) {
  const text = shown().text;
  const sentences = [...new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(text)].map(({ segment, index }) => {
    const start = index + segment.length - segment.trimStart().length;
    return [codePoints(text, start), codePoints(text, start + segment.trim().length)];
  }).filter(([start, end]) => start < end);
  return sentences.find(([start]) => !span || start > span[0]) || null;
}

function setEvidence() {
  const about = current && label(current);
  if (!about) return say("choose a topic first", true);
  const span = selected() || nextSentence(about.evidence);
  if (span) about.evidence = span;
  else delete about.evidence;
  getSelection().removeAllRanges();
  save();
  if (span) document.querySelector(`mark[data-start="${units(shown().text, span[0])}"]`).scrollIntoView({ block: "nearest" });
}

function setHolder() {
  const about = current && label(current);
  if (!about) return say("choose a topic first", true);
  const span = selected();
  if (!span) return document.querySelector("#topics .current input")?.focus();
  about.holder = Array.from(shown().text).slice(...span).join("");
  getSelection().removeAllRanges();
  save();
}

async function undo() {
  await waiting;
  const { ok, content } = await ask("undo", {});
  const at = passages.findIndex((passage) => passage.id === content.passage);
  if (at >= 0) {
    take(passages[at], content);
    passages[at].draft = null;
    go(at);
  }
  if (!ok) say(content.error, true);
  else say(at < 0 ? "nothing to take back on this page" : "taken back");
}

async function suggest() {
  const passage = shown();
  $("suggestion").textContent = "…";
  const { content } = await ask("suggestion", { passage: passage.id });
  if (passage !== shown()) return;
  const words = content.labels?.map((each) => `${name(each.topic)}${each.stance ? ` (${each.stance})` : ""}`);
  $("suggestion").textContent = content.error || words.join(", ") || "none of the topics";
}

const name = (id) => codebook.topics.find((topic) => topic.id === id)?.name || id;
const isRead = (passage) => draft(passage).none || draft(passage).labels.length > 0;

function go(to) {
  if (to < 0 || to >= passages.length) return;
  if (to !== place) $("suggestion").textContent = "";
  place = to;
  current = draft(shown()).labels.at(-1)?.topic || null;
  getSelection().removeAllRanges();
  show();
  scrollTo(0, 0);
  // A screen reader reads the passage, and the keys that scroll move it.
  $("text").scrollTop = 0;
  $("text").focus({ preventScroll: true });
}

function nextUnread() {
  const order = [...passages.keys()].map((step) => (place + 1 + step) % passages.length);
  const to = order.find((at) => !isRead(passages[at]));
  if (to === undefined) say("all passages are read; you can close the page");
  else go(to);
}

function show() {
  const passage = shown();
  const now = draft(passage);
  if (!label(current)) current = now.labels.at(-1)?.topic || null;
  const read = passages.filter(isRead).length;
  $("progress").max = passages.length;
  $("progress").value = read;
  $("count").textContent = `${read} of ${passages.length} read`;
  document.title = `${read}/${passages.length} – ${annotator}`;
  $("about").textContent = [`passage ${place + 1} of ${passages.length}`, passage.source, passage.published, passage.id].filter(Boolean).join(" · ");
  $("title").textContent = passage.title || "";
  $("title").hidden = !passage.title;
  $("state").textContent = isRead(passage) ? "read" : "unread";
  $("none").ariaPressed = String(now.none);
  $("doubt").ariaPressed = String(now.doubt);
  if (document.activeElement !== $("note")) $("note").value = now.note;
  showText(passage.text, now.labels);
  // A holder that is being written stays.
  if (!document.activeElement?.matches("#topics input")) showTopics();
}

// The text with the evidence marked; spans may overlap.
function showText(text, labels) {
  const now = JSON.stringify([place, labels.map((each) => each.evidence)]);
  if (now === drawn) return;
  drawn = now;
  const spans = labels.filter((each) => each.evidence).map((each) => each.evidence.map((point) => units(text, point)));
  const cuts = [...new Set([0, text.length, ...spans.flat()])].sort((a, b) => a - b);
  const pieces = cuts.slice(1).map((end, at) => {
    const piece = text.slice(cuts[at], end);
    if (!spans.some(([start, stop]) => start <= cuts[at] && end <= stop)) return piece;
    const mark = make("mark", { textContent: piece });
    mark.dataset.start = cuts[at];
    return mark;
  });
  $("text").replaceChildren(...pieces);
}

function showTopics() {
  const labels = draft(shown()).labels.map(({ topic, stance, holder, evidence }) => [topic, stance || "", holder || "", evidence || ""]);
  const now = JSON.stringify([place, current, labels]);
  if (now === listed) return;
  listed = now;
  const focused = document.activeElement?.dataset?.key;
  const rows = codebook.topics.map((topic, at) => {
    const about = label(topic.id);
    const key = keyOf(at);
    const row = make("li", { className: current === topic.id ? "current" : "" });
    const chosen = make("button", { className: "topic", onclick: () => toggleTopic(topic.id), title: topic.definition });
    if (key) chosen.append(make("kbd", { textContent: key }), " ");
    chosen.append(topic.name);
    chosen.ariaPressed = String(Boolean(about));
    chosen.dataset.key = `topic ${at}`;
    row.append(chosen);
    if (about) row.append(...stances(topic, about, at), more(topic, about, at));
    return row;
  });
  $("topics").replaceChildren(...rows);
  if (focused) document.querySelector(`[data-key="${focused}"]`)?.focus();
}

function stances(topic, about, at) {
  return Object.entries(STANCES).map(([key, stance]) => {
    const button = make("button", { onclick: () => setStance(topic.id, stance), title: `toward: ${topic.target}` });
    button.append(make("kbd", { textContent: key }), ` ${stance}`);
    button.ariaPressed = String(about.stance === stance);
    button.ariaLabel = `${topic.name}: ${stance}`;
    button.dataset.key = `${stance} ${at}`;
    return button;
  });
}

function more(topic, about, at) {
  const holder = make("input", { value: about.holder || "", maxLength: 200, dir: "auto" });
  holder.dataset.key = `holder ${at}`;
  holder.onchange = () => {
    const now = label(topic.id);
    if (!now) return;
    if (holder.value.trim()) now.holder = holder.value.trim();
    else delete now.holder;
    current = topic.id;
    save();
  };
  const marked = about.evidence ? Array.from(shown().text).slice(...about.evidence) : [];
  const evidence = make("button", { className: "evidence", title: "The selected text, or the next sentence" }, make("kbd", { textContent: "e" }), " evidence");
  evidence.append(about.evidence ? ": " : "", make("bdi", { textContent: marked.slice(0, 60).join("") }), marked.length > 60 ? "…" : "");
  evidence.dataset.key = `evidence ${at}`;
  evidence.onmousedown = (event) => event.preventDefault(); // keeps the selection
  evidence.onclick = () => {
    current = topic.id;
    setEvidence();
  };
  return make("div", { className: "more" }, make("span", { textContent: `toward: ${topic.target}` }), make("label", {}, make("kbd", { textContent: "h" }), " holder ", holder), evidence);
}

function showCodebook() {
  const list = (title, lines) => (lines.length ? [make("strong", { textContent: title }), make("ul", {}, ...lines.map((line) => make("li", { textContent: line })))] : []);
  const topics = codebook.topics.flatMap((topic, at) => [
    make("h2", { textContent: `${at + 1}. ${topic.name}` }),
    make("div", { textContent: topic.definition || "no definition yet" }),
    make("div", { className: "target", textContent: `target: ${topic.target}` }),
    ...list("belongs to it", topic.include),
    ...list("does not", topic.exclude),
  ]);
  const stances = Object.entries(codebook.stances).map(([stance, meaning]) => `${stance}: ${meaning}`);
  $("codebook").replaceChildren(make("strong", { textContent: codebook.reference }), ...topics, make("h2", { textContent: "Stances and rules" }), ...list("stances", stances), ...list("rules", codebook.rules));
}

function toggleHelp() {
  $("keys").hidden = !$("keys").hidden;
  $("help").ariaExpanded = String(!$("keys").hidden);
}

function toggleDoubt() {
  draft(shown()).doubt = !draft(shown()).doubt;
  if (isRead(shown())) save();
  else {
    say("in doubt, kept with the first label");
    show();
  }
}

function noteChanged() {
  draft(shown()).note = $("note").value;
  if (isRead(shown())) save();
}

const KEYS = {
  ArrowLeft: () => go(place - 1),
  ArrowRight: () => go(place + 1),
  Enter: nextUnread,
  0: setNone,
  u: undo,
  e: setEvidence,
  h: setHolder,
  d: toggleDoubt,
  m: () => $("note").focus(),
  s: () => $("suggest-line").hidden || suggest(),
  "?": toggleHelp,
};

// Keys of the topics: 1 to 9, then the same with Shift, which types other characters on other keyboards.
const keyOf = (at) => (at < 9 ? String(at + 1) : at < 18 ? `⇧${at - 8}` : "");
function topicNumber(event, key) {
  if (/^[1-9]$/.test(key)) return Number(key);
  return event.shiftKey && /^Digit[1-9]$/.test(event.code) ? 9 + Number(event.code.at(-1)) : 0;
}

// The key as on a Latin keyboard in lower case: annotators write other scripts, or digits with Shift, or have Caps Lock on.
function latin({ key, code, shiftKey }) {
  if (key.length > 1) return key;
  if (/^Digit\d$/.test(code) && !shiftKey) return code.at(-1);
  if (/^Key[A-Z]$/.test(code) && /[^ -~]/.test(key)) return code.at(-1).toLowerCase();
  return key.toLowerCase();
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input")) {
    if (event.key === "Enter" || event.key === "Escape") {
      event.target.blur();
      event.preventDefault();
    }
    return;
  }
  // A button that has the focus is pressed by Enter and space.
  if (event.target.matches("button") && (event.key === "Enter" || event.key === " ")) return;
  // A key that is held down would label one passage after the other.
  if (event.repeat && !event.key.startsWith("Arrow")) return;
  const key = latin(event);
  const topic = codebook.topics[topicNumber(event, key) - 1];
  if (topic) toggleTopic(topic.id);
  else if (Object.hasOwn(STANCES, key)) setStance(current, STANCES[key]);
  else if (Object.hasOwn(KEYS, key)) KEYS[key]();
  else return;
  event.preventDefault();
}

async function begin() {
  const { ok, content } = await ask("state");
  if (!ok) return say(content.error, true);
  ({ codebook, passages, annotator } = content);
  const buttons = { previous: () => go(place - 1), next: () => go(place + 1), unread: nextUnread, undo, help: toggleHelp, none: setNone, doubt: toggleDoubt, suggest };
  for (const [id, does] of Object.entries(buttons)) $(id).onclick = does;
  $("note").onchange = noteChanged;
  $("suggest-line").hidden = !content.has_model;
  showCodebook();
  const first = passages.findIndex((passage) => !isRead(passage));
  go(Math.max(first, 0));
  say(first < 0 ? "all passages are read" : "");
  document.addEventListener("keydown", pressed);
  // After a click with the mouse, Enter goes on and does not press the same button again.
  document.addEventListener("click", (event) => event.detail && event.pointerType !== "" && document.activeElement.matches("button") && document.activeElement.blur());
  document.body.dataset.ready = "yes";
}

// Another tab may have changed a passage.
addEventListener("focus", async () => {
  if (!passages) return;
  await waiting;
  const { ok, content } = await ask("state");
  if (!ok) return;
  const fresh = new Map(content.passages.map((passage) => [passage.id, passage]));
  for (const passage of passages) if (!passage.unsaved) take(passage, fresh.get(passage.id));
  show();
});

addEventListener("beforeunload", (event) => {
  // What is being written is saved when its field is left.
  if (document.activeElement.matches("input")) document.activeElement.blur();
  if (pending) event.preventDefault();
});
begin();
