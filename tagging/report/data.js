"use strict";
/* The data of the page, and what the filters leave of it. */

const PALETTE = 8; // topics with a colour of their own, the most frequent first
const ALL = "";
let DATA;
const state = {};

async function unpack() {
  const packed = Uint8Array.from(atob(document.getElementById("data").textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  DATA = JSON.parse(await new Response(stream).text());
  document.getElementById("data").remove();
  const counts = DATA.topics.map((_, topic) => sum(DATA.cube, (i, cube) => cube.topic[i] === topic));
  DATA.order = DATA.topics.map((_, topic) => topic).sort((a, b) => counts[b] - counts[a]);
  DATA.colour = [];
  DATA.order.forEach((topic, place) => { DATA.colour[topic] = Math.min(place, PALETTE); });
  DATA.tagsOf = DATA.passages.text.map(() => []);
  DATA.tags.passage.forEach((passage, tag) => DATA.tagsOf[passage].push(tag));
}

function sum(cube, keeps) {
  let total = 0;
  for (let i = 0; i < cube.topic.length; i++) if (keeps(i, cube)) total += cube.stories[i];
  return total;
}

const number = (value) => value.toLocaleString("en");
const percent = (part, whole) => (whole ? `${(100 * part / whole).toFixed(part / whole < 0.1 ? 1 : 0)} %` : "–");
const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
const topicName = (topic) => DATA.topics[topic].replaceAll("_", " ");
const stanceName = (stance) => (stance < 0 ? "no stance" : DATA.stances[stance]);
const stanceClass = (stance) => (stance < 0 ? "s-unsaid" : `s-${DATA.stances[stance]}`);
const is = (filter, value) => filter === ALL || Number(filter) === value;
const isDuring = (period) =>
  (state.from === ALL && state.to === ALL) ||
  (period >= 0 && (state.from === ALL || period >= Number(state.from)) && (state.to === ALL || period <= Number(state.to)));
const isStatus = (review) => state.status === ALL || (state.status === "review") === Boolean(review);

/* Call `each(cell, count)` for the cells of the counts that the filters leave, but for the filters in `without`. */
function eachCell(each, without = []) {
  const { cube } = DATA;
  const counts = cube[state.per];
  for (let i = 0; i < counts.length; i++) {
    if (!counts[i]) continue;
    if (!without.includes("source") && !is(state.source, cube.source[i])) continue;
    if (!without.includes("period") && !isDuring(cube.period[i])) continue;
    if (cube.topic[i] >= 0 && !(is(state.topic, cube.topic[i]) && is(state.stance, cube.stance[i]) && isStatus(cube.review[i]))) continue;
    each({ topic: cube.topic[i], stance: cube.stance[i], source: cube.source[i], period: cube.period[i] }, counts[i]);
  }
}

/* Sum counts by two numbers of a cell, as a map from `a` to a map from `b`. Cells for which `keys` is null do not count. */
function tally(keys, without) {
  const totals = new Map();
  eachCell((cell, count) => {
    const key = keys(cell);
    if (key === null) return;
    const [a, b] = key;
    if (!totals.has(a)) totals.set(a, new Map());
    totals.get(a).set(b, (totals.get(a).get(b) ?? 0) + count);
  }, without);
  return totals;
}

const words = () => state.text.toLowerCase().split(/\s+/).filter(Boolean);

/* Whether the article, or a copy of it where copies count, is of the source and period that the filters name. */
function isArticleShown(article) {
  const { source, period, copies } = DATA.articles;
  const fits = (from, during) => is(state.source, from) && isDuring(during);
  if (fits(source[article], period[article])) return true;
  return state.per === "copies" && (copies[article] ?? []).some((copy) => fits(copy[0], copy[1]));
}

function isPassageShown(passage, lookFor) {
  const { tags, tagsOf, passages, articles } = DATA;
  const ofTags = tagsOf[passage];
  const shown = ofTags.length
    ? ofTags.some((tag) => is(state.topic, tags.topic[tag]) && is(state.stance, tags.stance[tag]) && isStatus(tags.review[tag]))
    : state.topic === ALL && state.stance === ALL && isStatus(passages.review[passage]);
  if (!shown || !lookFor.length) return shown;
  DATA.lower ??= passages.text.map((text) => text.toLowerCase());
  const title = (articles.title[passages.article[passage]] ?? "").toLowerCase();
  return lookFor.every((word) => DATA.lower[passage].includes(word) || title.includes(word));
}

/* The passages that the filters leave, in the order of the page. */
function shownPassages() {
  const lookFor = words();
  const found = [];
  let article = -1;
  let isShown = false;
  DATA.passages.article.forEach((of, passage) => {
    if (of !== article) {
      article = of;
      isShown = isArticleShown(of);
    }
    if (isShown && isPassageShown(passage, lookFor)) found.push(passage);
  });
  return found;
}

/* A new element. Texts become text nodes, so nothing in them is ever markup. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}
