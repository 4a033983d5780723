"use strict";
/* Charts of the counts by Vega-Lite, each with a table whose buttons do what a click on the chart does. */

const MULTIPLES = 8; // topics with a chart of their stances
const colour = (variable) => getComputedStyle(document.documentElement).getPropertyValue(`--${variable}`).trim();

const topicSeries = (topics) => topics.map((topic) => ({
  key: topic, name: topicName(topic), colour: colour(`t${DATA.colour[topic]}`), class: `t${DATA.colour[topic]}`, set: { topic },
}));
const stanceSeries = (stances, set = {}) => stances.map((stance) => ({
  key: stance, name: stanceName(stance), colour: colour(stance < 0 ? "unsaid" : DATA.stances[stance]), class: stanceClass(stance),
  set: stance < 0 ? set : { ...set, stance },
}));

/* The records of a chart: one for each group and series. A share is that of `wholes`, or of the group without them. */
function records(totals, groups, series, wholes) {
  const rows = [];
  for (const group of groups) {
    const counts = totals.get(group.key) ?? new Map();
    const whole = wholes ? wholes.get(group.key)?.get(-1) ?? 0 : series.reduce((all, each) => all + (counts.get(each.key) ?? 0), 0);
    series.forEach((each, place) => {
      const count = counts.get(each.key) ?? 0;
      rows.push({
        group: group.name, series: each.name, place, count, share: whole ? count / whole : null, dim: group.dim, set: { ...each.set, ...group.set },
        tip: `${group.name}, ${each.name}: ${plural(count, "passage")}${whole ? ` (${percent(count, whole)})` : ""}`,
      });
    });
  }
  return rows;
}

/* What a chart needs besides its records; `across` is the axis of the groups. */
function specification({ rows, groups, series, across, height, lines, description }) {
  const isShare = state.show === "share";
  const value = {
    field: isShare ? "share" : "count", type: "quantitative", title: null, stack: lines ? null : "zero",
    axis: { tickCount: 4, grid: true, domain: false, ticks: false, ...(isShare ? { format: ".0%" } : { labelExpr: "datum.value % 1 ? '' : format(datum.value, ',d')" }) },
  };
  const group = {
    field: "group", type: "ordinal", sort: null, title: null,
    scale: { domain: groups.map((each) => each.name), paddingInner: across === "x" && groups.length < 8 ? 0.6 : 0.15, paddingOuter: across === "x" && groups.length < 8 ? 0.6 : 0.1 },
    axis: { labelOverlap: across === "x" ? "greedy" : false, labelAngle: 0, labelSeparation: 12, ticks: false, grid: false, labelLimit: across === "x" ? 90 : 150, labelPadding: 6 },
  };
  const encoding = {
    color: { field: "series", type: "nominal", scale: { domain: series.map((each) => each.name), range: series.map((each) => each.colour) }, legend: null },
    opacity: { condition: { test: "datum.dim", value: 0.25 }, value: 1 }, order: { field: "place" },
    tooltip: { field: "tip" }, ...(across === "x" ? { x: group, y: value } : { y: group, x: value }),
  };
  const { order, opacity, ...line } = encoding;
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json", description, width: "container", height,
    background: "transparent", padding: { left: 0, right: 8, top: 6, bottom: 2 }, autosize: { type: "fit", contains: "padding" },
    data: { values: lines || isShare ? rows : rows.filter((row) => row.count) },
    ...(lines
      ? { layer: [{ mark: { type: "line", strokeWidth: 2 }, encoding: line }, { mark: { type: "point", filled: true, size: 50, cursor: "pointer" }, encoding: { ...line, opacity } }] }
      : { mark: { type: "bar", cursor: "pointer", stroke: "white", strokeWidth: 0.6 }, encoding }),
    config: { aria: false, view: { stroke: null }, axis: { labelFontSize: 12, labelFont: getComputedStyle(document.body).fontFamily } },
  };
}

async function draw(place, chart) {
  const spec = specification(chart);
  if (place.view) place.view.finalize();
  // `ast`: expressions are interpreted, so the page needs no `eval`. Tooltips are the browser's own.
  const drawn = await vegaEmbed(place, spec, { ast: true, renderer: "svg", actions: false, tooltip: false, defaultStyle: false, logLevel: 1 });
  place.view = drawn.view;
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", `${chart.description}; the table below has its numbers`);
  place.removeAttribute("aria-roledescription");
  drawn.view.addEventListener("click", (_, item) => { if (item?.datum?.set) choose(item.datum.set); });
}

const legend = (series) => element("ul", { class: "legend" }, ...series.map((each) =>
  element("li", {}, element("span", { class: `key ${each.class}` }), each.name)));

/* A table of the records, made when it is first opened. */
function tableOf({ rows, groups, series, description }) {
  const made = element("details", {}, element("summary", {}, "Table"));
  made.addEventListener("toggle", () => {
    if (made.children.length > 1) return;
    const head = element("tr", {}, element("td"), ...series.map((each) => element("th", { scope: "col" }, each.name)));
    const body = groups.map((group, i) => element("tr", {}, element("th", { scope: "row" }, group.name), ...series.map((_, j) => {
      const row = rows[i * series.length + j];
      const said = row.share === null || state.show === "count" ? number(row.count) : percent(row.share, 1);
      return element("td", {}, row.count ? element("button", { type: "button", "aria-label": `Show ${row.tip}`, onclick: () => choose(row.set) }, said) : said);
    })));
    made.append(element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${description}, table` }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...body))));
  });
  return made;
}

async function drawInto(parent, chart) {
  if (!chart.rows.some((row) => row.count)) return void parent.append(element("p", { class: "note" }, "No such passage with a date."));
  const place = element("div", { class: "chart" });
  parent.append(place, tableOf(chart));
  await draw(place, chart);
}

function clearSection(id) {
  const section = document.getElementById(id);
  section.replaceChildren(section.querySelector("h2"));
  return section;
}

const periodGroups = () => DATA.periods.map((name, period) => ({ key: period, name, dim: !isDuring(period), set: { from: period, to: period } }));
const shownTopics = () => DATA.order.filter((topic) => is(state.topic, topic));

async function drawTopics() {
  const section = clearSection("over-time");
  const groups = periodGroups();
  if (!groups.length) return void section.append(element("p", { class: "note" }, "No passage has a date."));
  const totals = tally(({ topic, period }) => (period < 0 ? null : [period, topic]), ["period"]);
  const series = topicSeries(shownTopics());
  const lines = state.show === "share";
  const rows = records(totals, groups, series, totals);
  const undated = DATA.summary.undatedPassages;
  const unit = { day: "day", week: "week, by the Monday on which it begins", month: "month", year: "year" }[DATA.unit];
  section.append(element("p", { class: "note" }, `${lines ? "Share of the passages read that have the topic" : "Passages with the topic"}, by ${unit}. Choose a ${lines ? "point" : "bar"} to see its passages.${undated ? ` ${plural(undated, "passage")} without a date ${undated === 1 ? "is" : "are"} not in the charts over time.` : ""}`), legend(series));
  await drawInto(section, { rows, groups, series, across: "x", height: 240, lines, description: "Topics over time" });
}

async function drawStances() {
  const section = clearSection("stances");
  const groups = periodGroups();
  if (!groups.length) return void section.append(element("p", { class: "note" }, "No passage has a date."));
  const stances = stanceOrder();
  const topics = shownTopics();
  const multiples = element("div", { class: "multiples" });
  section.append(element("p", { class: "note" }, `${state.show === "share" ? "Share" : "Passages"} of each stance toward the target of the topic.${topics.length > MULTIPLES ? ` The ${MULTIPLES} most frequent topics are shown; choose another one as a filter.` : ""}`), legend(stanceSeries(stances)), multiples);
  for (const topic of topics.slice(0, MULTIPLES)) {
    const totals = tally((cell) => (cell.period < 0 || cell.topic !== topic ? null : [cell.period, cell.stance]), ["period"]);
    const series = stanceSeries(stances, { topic });
    const rows = records(totals, groups, series);
    const box = element("div", {}, element("h3", {}, element("span", { class: `key t${DATA.colour[topic]}` }), topicName(topic)));
    multiples.append(box);
    await drawInto(box, { rows, groups, series, across: "x", height: 120, description: `Stance over time, ${topicName(topic)}` });
  }
}

async function drawSources() {
  const section = clearSection("by-source");
  const byStance = state.topic !== ALL;
  const totals = tally(({ topic, stance, source }) => [source, topic < 0 ? -2 : byStance ? stance : topic], ["source"]);
  const wholes = byStance ? null : new Map([...totals].map(([source, counts]) => [source, new Map([[-1, counts.get(-2) ?? 0]])]));
  const series = byStance ? stanceSeries(stanceOrder()) : topicSeries(shownTopics());
  const groups = DATA.sources.map((name, source) => ({ key: source, name, dim: !is(state.source, source), set: { source } }))
    .filter((group) => series.some((each) => totals.get(group.key)?.get(each.key)));
  if (!groups.length) return void section.append(element("p", { class: "note" }, "No passage is left by the filters."));
  const rows = records(totals, groups, series, wholes);
  const what = byStance ? `Stances on ${topicName(Number(state.topic))}` : state.show === "share" ? "Topics, per passage read (a passage may have several)" : "Passages with the topic";
  section.append(element("p", { class: "note" }, `${what}, by source.`), legend(series));
  await drawInto(section, { rows, groups, series, across: "y", height: 34 + 24 * groups.length, description: "Sources" });
}

function stanceOrder() {
  const known = ["favor", "neutral", "against"].map((name) => DATA.stances.indexOf(name)).filter((stance) => stance >= 0);
  const without = DATA.cube.topic.some((topic, i) => topic >= 0 && DATA.cube.stance[i] < 0);
  return (without ? [...known, -1] : known).filter((stance) => is(state.stance, stance));
}
