"use strict";
/* The list of passages, by article. Articles are added as the reader comes near the end of the list. */

const AT_ONCE = 40; // articles
let waiting = []; // lists of passages, one for each article that is still to be added

function showPassages(found) {
  const list = document.getElementById("list");
  list.replaceChildren();
  waiting = [];
  let article = -1;
  for (const passage of found) {
    if (DATA.passages.article[passage] !== article) {
      article = DATA.passages.article[passage];
      waiting.push([]);
    }
    waiting.at(-1).push(passage);
  }
  const said = `${plural(found.length, "passage")} in ${plural(waiting.length, "article")}`;
  document.getElementById("matches").textContent = said;
  if (!found.length) list.append(element("p", {}, DATA.summary.showable ? "No passage is left by the filters." : "No passage has a topic or is for review."));
  showMore();
}

function showMore() {
  const next = waiting.splice(0, AT_ONCE);
  document.getElementById("list").append(...next.map(articleElement));
  const more = document.getElementById("more");
  more.hidden = !waiting.length;
  more.textContent = `Show more (${plural(waiting.length, "article")} left)`;
}

/* An address that a click may open: a link of an article could also be a script. */
function safeAddress(url) {
  return /^https?:\/\//i.test(url ?? "") ? url : null;
}

/* A date without its time; anything else as it is. */
const day = (published) => published?.replace(/^(\d{4}-\d\d-\d\d)[T ].*$/, "$1");

function articleElement(passages) {
  const { articles } = DATA;
  const article = DATA.passages.article[passages[0]];
  const title = highlighted(articles.title[article] ?? articles.id[article]);
  const url = safeAddress(articles.url[article]);
  const heading = element("h3", {}, url ? element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...title) : element("span", {}, ...title));
  const copies = articles.copies[article] ?? [];
  const facts = [articles.sourceName[article], day(articles.published[article]) ?? "no date"];
  if (copies.length) {
    const named = copies.slice(0, 4).map(([, , name, published]) => [name, day(published)].filter(Boolean).join(" ")).filter(Boolean);
    facts.push(`${plural(copies.length, "copy", "copies")}${named.length ? `: ${named.join(", ")}${copies.length > named.length ? ", …" : ""}` : ""}`);
  }
  return element("article", {}, heading, element("p", { class: "where" }, facts.filter(Boolean).join(" · ")), ...passages.map(passageElement));
}

function passageElement(passage) {
  const { tags, tagsOf, passages } = DATA;
  const ofTags = tagsOf[passage];
  const chips = ofTags.map((tag) => element("li", { class: "tag" },
    element("span", { class: `key t${DATA.colour[tags.topic[tag]]}` }),
    element("span", {}, topicName(tags.topic[tag]), " ", element("span", { class: "percent" }, `${tags.topicPercent[tag]} %`)),
    tags.stance[tag] < 0 ? null : element("span", {}, element("span", { class: `stance ${stanceName(tags.stance[tag])}` }, stanceName(tags.stance[tag])), " ", element("span", { class: "percent" }, `${tags.stancePercent[tag]} %`)),
    tags.review[tag] ? element("span", { class: "for-review" }, "review") : null));
  if (!ofTags.length) chips.push(element("li", { class: "tag" }, "no topic ", element("span", { class: "for-review" }, "review")));
  const first = ofTags.length ? ` t${DATA.colour[tags.topic[ofTags[0]]]}` : "";
  return element("div", { class: `passage${first}` }, element("p", {}, ...highlighted(passages.text[passage])), element("ul", { "aria-label": "Tags" }, ...chips));
}

/* The text with the words that are searched for in <mark> elements. */
function highlighted(text) {
  const lookFor = words().map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!lookFor.length) return [text];
  return text.split(new RegExp(`(${lookFor.join("|")})`, "gi")).map((part, place) => (place % 2 ? element("mark", {}, part) : part));
}
