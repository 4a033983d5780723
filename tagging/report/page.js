"use strict";
/* Fill the page, and keep charts and passages in step with the filters. */

const form = document.getElementById("filters");
const DEFAULTS = { topic: ALL, stance: ALL, source: ALL, from: ALL, to: ALL, status: ALL, text: "", show: "count", per: "stories" };
const FILTERS = ["topic", "stance", "source", "from", "to", "status", "text"];

function fillSelect(name, options) {
  form.elements[name].replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
}

function fillForm() {
  const numbered = (names) => names.map((name, place) => [place, name]);
  fillSelect("topic", [[ALL, "all"], ...DATA.order.map((topic) => [topic, topicName(topic)])]);
  fillSelect("stance", [[ALL, "all"], ...numbered(DATA.stances)]);
  fillSelect("source", [[ALL, "all"], ...numbered(DATA.sources)]);
  fillSelect("from", [[ALL, "first"], ...numbered(DATA.periods)]);
  fillSelect("to", [[ALL, "last"], ...numbered(DATA.periods)]);
  fillSelect("status", [[ALL, "all"], ["review", "for review"], ["tagged", "clear"]]);
  fillSelect("show", [["count", "passages"], ["share", "shares"]]);
  fillSelect("per", [["stories", "each story once"], ["copies", "every copy"]]);
  document.getElementById("per").hidden = !DATA.articles || !DATA.summary.copies;
}

function fillHeader() {
  const { summary, names, periods } = DATA;
  const from = periods.length ? `${periods[0]} to ${periods.at(-1)}. ` : "";
  document.getElementById("about").textContent = `${from}Model ${names.model.join(", ") || "unknown"}, codebook ${names.codebook.join(", ") || "unknown"}.`;
  const facts = [
    [plural(summary.articles, "article").replace(/^\S+ /, ""), number(summary.articles)],
    ...(summary.copies ? [["copies of them", number(summary.copies)]] : []),
    ["passages read", number(summary.passages)],
    ["tags (a topic of a passage)", number(summary.tags)],
    [`of the passages need review (${number(summary.review)})`, percent(summary.review, summary.passages)],
    ["passages without a date", number(summary.undatedPassages)],
    ...(summary.otherLanguage ? [["passages in other languages, not read", number(summary.otherLanguage)]] : []),
  ];
  document.getElementById("summary").append(...facts.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value))));
  const lost = summary.copiesWithoutOriginal;
  document.getElementById("sampled").textContent = [
    summary.shown < summary.showable ? `The counts are those of all passages. This page has those of the most recent articles: ${number(summary.shown)} of ${number(summary.showable)} with a topic or for review.` : "Passages with a topic or for review, the most recent article first.",
    lost ? `${plural(lost, "copy", "copies")} without the original in this file ${lost === 1 ? "is" : "are"} not counted.` : "",
  ].join(" ").trim();
}

function fillShares() {
  const { assumption, totals } = DATA;
  const section = document.getElementById("shares");
  if (!totals.length) return void section.append(element("p", { class: "note" }, "No passage has a topic."));
  const isCorrected = totals.some((total) => total.corrected !== null);
  const hasPeriod = totals.some((total) => total.period !== null);
  const share = (value) => percent(value, 1);
  const cautions = [...new Set(totals.map((total) => total.caution).filter(Boolean))];
  const heads = ["", ...(hasPeriod ? ["period"] : []), "passages", "share as tagged", ...(isCorrected ? ["corrected", "95 % interval", "method"] : [])];
  const rows = totals.map((total) => {
    const note = total.caution ? ` [${cautions.indexOf(total.caution) + 1}]` : "";
    const name = total.stance ?? total.topic.replaceAll("_", " ");
    const corrected = total.corrected === null ? ["–", "–", total.method] : [share(total.corrected), total.low === null ? "–" : `${share(total.low)} to ${share(total.high)}`, total.method];
    const cells = [...(hasPeriod ? [total.period ?? "all"] : []), number(total.passages), share(total.share), ...(isCorrected ? corrected : [])];
    return element("tr", { class: total.stance === null ? null : "of" }, element("th", { scope: "row" }, name + note), ...cells.map((cell) => element("td", {}, cell)));
  });
  section.append(
    element("p", { class: "note" }, `Of a topic: among the ${number(DATA.summary.passages)} passages read. Of a stance: among the passages of its topic. Each story counts once; the filters do not apply.${isCorrected ? "" : " The shares are those of the tags, with the errors of the model."}`),
    ...(assumption ? [element("p", { class: "doubt" }, assumption)] : []),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Shares, table" }, element("table", {}, element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))), element("tbody", {}, ...rows))),
    ...cautions.map((caution, place) => element("p", { class: "note" }, `[${place + 1}] ${caution}`)),
  );
}

let drawing = Promise.resolve();
let newest = 0;

/* Draw the charts, one drawing after the other; of several that wait, only the last is done. */
function redraw() {
  const mine = ++newest;
  drawing = drawing.then(async () => {
    if (mine !== newest) return;
    await drawTopics();
    await drawStances();
    await drawSources();
    document.body.dataset.drawn = mine;
  });
}

function readForm() {
  const before = { ...state };
  for (const name of Object.keys(DEFAULTS)) state[name] = form.elements[name].value;
  showPassages(shownPassages());
  const changed = Object.keys(DEFAULTS).filter((name) => state[name] !== before[name]);
  if (changed.some((name) => name !== "text")) redraw();
  document.getElementById("clear").disabled = FILTERS.every((name) => state[name] === DEFAULTS[name]);
}

/* Set filters, as a bar of a chart does, and go to the passages. */
function choose(filters) {
  for (const [name, value] of Object.entries(filters)) form.elements[name].value = String(value);
  readForm();
  const passages = document.getElementById("passages");
  passages.focus({ preventScroll: true });
  passages.scrollIntoView();
}

function start() {
  fillForm();
  fillHeader();
  fillShares();
  readForm();
  let typing;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", readForm);
  form.addEventListener("input", (event) => {
    if (event.target.name !== "text") return;
    clearTimeout(typing);
    typing = setTimeout(readForm, 150);
  });
  document.getElementById("clear").addEventListener("click", () => {
    for (const name of FILTERS) form.elements[name].value = DEFAULTS[name];
    readForm();
    form.elements.topic.focus();
  });
  const more = document.getElementById("more");
  more.addEventListener("click", showMore);
  new IntersectionObserver((entries) => { if (entries[0].isIntersecting && waiting.length) showMore(); }, { rootMargin: "600px" }).observe(more);
}

unpack().then(start);
