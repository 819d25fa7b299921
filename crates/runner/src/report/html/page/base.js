// What everything else on the page uses: the data, elements, numbers and times in words, colours, the tooltip.
(() => {
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const { facts, lanes } = data;
const ENDS = facts.ends / 1e6;

const byId = (id) => document.getElementById(id);
const body = (id) => byId(id).querySelector(".body");

/** An element with attributes and children; text stays text. */
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "onclick") made.addEventListener("click", value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** Numbers that were written as steps from each to the next. */
function unsteps(row) {
  let now = 0;
  return row.map((step) => (now += step));
}

const count = (number) => number.toLocaleString("en-US");
const seconds = (micros) => micros / 1e6;

/** An instant with milliseconds: `1m02.500s`. */
function clock(micros) {
  const ms = Math.floor(micros / 1000 + 1e-6);
  const minutes = Math.floor(ms / 60000);
  const rest = ((ms % 60000) / 1000).toFixed(3);
  return minutes ? `${minutes}m${rest.padStart(6, "0")}s` : `${rest}s`;
}

/** An instant on an axis, in seconds: `1m30s`. */
function tick(at, step) {
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
  const minutes = ENDS >= 100 ? Math.floor(at / 60 + 1e-9) : 0;
  const rest = at - minutes * 60;
  const text = rest.toFixed(digits);
  if (!minutes) return `${text}s`;
  return rest < 1e-9 ? `${minutes}m` : `${minutes}m${text.padStart(digits ? digits + 3 : 2, "0")}s`;
}

/** A length of time in about three digits. */
function span(micros) {
  const round = (value) => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)).replace(/\.?0+$/, (zeros) => (zeros.includes(".") ? "" : zeros));
  if (micros < 1000) return `${Math.round(micros)} µs`;
  if (micros < 1e6) return `${round(micros / 1e3)} ms`;
  if (micros < 60e6) return `${round(micros / 1e6)} s`;
  const whole = Math.round(micros / 1e6);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

const some = (number, one, many) => `${count(number)} ${number === 1 ? one : many ?? `${one}s`}`;
const short = (number) => (number >= 1e6 ? `${+(number / 1e6).toFixed(1)}M` : number >= 1e4 ? `${+(number / 1e3).toFixed(1)}k` : count(+number.toFixed(2)));

/** A colour of the theme. */
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const isDark = () => {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

// After Okabe and Ito: colours that people with any kind of colour vision tell apart.
const LIGHT = ["#2f7fc1", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#a89b00", "#7a7f87"];
const DARK = ["#4fa3dd", "#f0b54a", "#3cc79b", "#e29bc4", "#9ad4f5", "#ff8a4a", "#e8dc5a", "#a7afbb"];
const hue = (place) => (isDark() ? DARK : LIGHT)[((place % 8) + 8) % 8];

/** Black or white, whichever can be read on a colour. */
function inkOn(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  return 0.299 * r + 0.587 * g + 0.114 * b > 0.56 ? "#10151c" : "#ffffff";
}

const processName = (place) => (place === null || place === undefined ? "" : lanes.processes[place]?.name ?? "");
const brokerHue = (broker) => hue(broker - 1);
const memberHue = (process) => {
  const group = lanes.processes[process]?.group;
  const members = lanes.processes.map((it, place) => (it.group === group ? place : -1)).filter((place) => place >= 0);
  return hue(members.indexOf(process) + 2);
};

/** What a process is at an instant: `up`, `paused`, `crashed`, `stopped`, `absent`. */
function lifeAt(process, micros) {
  for (const [from, to, what] of lanes.processes[process].spans) if (from <= micros && micros < to) return what;
  const spans = lanes.processes[process].spans;
  return spans.length ? spans[spans.length - 1][2] : "absent";
}

const tip = {
  show(event, lines) {
    const box = byId("tip");
    box.replaceChildren(...lines.filter(Boolean).map((line, nth) => el(nth ? "span" : "b", { class: nth ? "soft" : null }, line)));
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect();
    const x = Math.min(event.clientX + 14, innerWidth - width - 8);
    const y = event.clientY + 16 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 16;
    box.style.left = `${Math.max(8, x)}px`;
    box.style.top = `${Math.max(8, y)}px`;
  },
  hide() { byId("tip").hidden = true; },
};

/** A table with a head; columns whose title begins with `#` hold numbers. */
function table(titles, rows, className = "plain") {
  const numeric = titles.map((title) => title.startsWith("#"));
  const head = titles.map((title, nth) => el("th", { class: numeric[nth] ? "num" : null }, title.replace(/^#/, "")));
  const cell = (value, nth) => el("td", { class: numeric[nth] ? "num" : null }, typeof value === "number" ? count(value) : value ?? "");
  return el("div", { class: "scroll" }, el("table", { class: className }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell))))));
}

const empty = (text) => el("p", { class: "empty" }, text);

/** A button that shows an instant, which the page then marks everywhere. */
const whenButton = (micros) => el("button", { class: "when", type: "button", title: "mark this instant on every chart", onclick: () => mark.set(micros) }, clock(micros));

/** The instant that is marked on every chart and shown as state. */
const mark = {
  at: null,
  heard: [],
  set(micros) {
    this.at = Math.max(0, Math.min(micros, facts.ends));
    for (const hear of this.heard) hear(this.at);
  },
};

const SIGNS = { hold: "✔", violated: "✘", undecided: "?", vacuous: "○" };
const WORDS = { hold: "holds", violated: "violated", undecided: "undecided", vacuous: "vacuous" };
const LIVES = { up: "up", paused: "held up", crashed: "crashed", stopped: "stopped", absent: "not started" };
