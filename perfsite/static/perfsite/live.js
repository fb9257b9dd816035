/* Keeps a page's live parts up to date: asks for the page again with the mark of what is shown, and
   replaces the parts that changed. Nothing is asked while nobody looks.

   The page says how often in <main data-live-seconds>, for as long as there is something to come;
   its parts are elements with an id and [data-live]. */

const main = document.getElementById("main");
let pause = Number(main.dataset.liveSeconds) * 1000;
let mark = "";
let timer = 0;
let failures = 0;
// Each part as the server wrote it: scripts draw into parts, and every answer has new form tokens.
const served = new Map();

function written(part) {
  const copy = part.cloneNode(true);
  copy.querySelectorAll("[name='csrfmiddlewaretoken']").forEach((field) => field.remove());
  return copy.outerHTML;
}

function isInUse(part) {
  const { activeElement } = document;
  return part.contains(activeElement) && activeElement !== main;
}

/* What somebody opened stays open, and what they switched on stays on. */
function carryOver(part, fresh) {
  for (const { id } of part.querySelectorAll("details[open][id]")) {
    fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  }
  for (const { id } of part.querySelectorAll("[aria-pressed='true'][id]")) {
    fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute("aria-pressed", "true");
  }
}

function replaceParts(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  let used = false;
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh) continue;
    const text = written(fresh);
    if (text === served.get(part.id)) continue;
    if (isInUse(part)) {
      used = true;
      continue;
    }
    served.set(part.id, text);
    carryOver(part, fresh);
    part.replaceWith(fresh);
  }
  // The rest of what was left alone is still to come.
  if (!used) pause = Number(page.getElementById("main")?.dataset.liveSeconds ?? 0) * 1000;
  document.dispatchEvent(new Event("live:replaced"));
  // What was left alone comes with the next change, or when nobody uses it any more.
  return !used;
}

async function look() {
  try {
    const headers = mark ? { "If-None-Match": mark } : {};
    const answer = await fetch(location.href, { headers, cache: "no-store", redirect: "error" });
    if (answer.status === 200) {
      const whole = replaceParts(await answer.text());
      mark = whole ? (answer.headers.get("ETag") ?? "") : "";
    }
    failures = answer.ok || answer.status === 304 ? 0 : failures + 1;
  } catch {
    failures += 1;
  }
  document.documentElement.toggleAttribute("data-offline", failures > 2);
  plan();
}

function plan() {
  clearTimeout(timer);
  if (pause && !document.hidden) timer = setTimeout(look, pause * Math.min(8, 2 ** failures));
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else if (pause) look();
});

document.querySelectorAll("[data-live]").forEach((part) => served.set(part.id, written(part)));
plan();
