/* Brings a reflection's stages in as they are done: asks for the page itself again and takes over
   the parts that changed, so that there is one rendering only, the server's. */

const USUAL_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 5000;
const TIME_LIMIT_MS = 10000;
const PARTS = ["own-text", "progress", "stage1", "stage2"];

const stages = document.getElementById("stages");
const note = document.getElementById("live-note");
// What the server sent last: the page's own copy may differ by what the reader unfolded since.
const shown = new Map(PARTS.map((id) => [id, document.getElementById(id).innerHTML]));

let wait = USUAL_WAIT_MS;
let timer = 0;
let asking = false;
let ended = stages.dataset.finished === "true";

class Gone extends Error {}

async function fetchPage() {
  const response = await fetch(window.location.pathname, {
    cache: "no-store",
    signal: AbortSignal.timeout(TIME_LIMIT_MS),
  });
  if (response.status === 404) {
    throw new Gone("This reflection is not there any more.");
  }
  if (!response.ok) {
    throw new Error(`the server answered ${response.status}`);
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!page.getElementById("stages")) {
    throw new Gone("You were signed out. Reload the page to sign in again.");
  }
  return page;
}

function takeOver(page) {
  for (const id of PARTS) {
    const fresh = page.getElementById(id);
    if (fresh.innerHTML !== shown.get(id)) {
      shown.set(id, fresh.innerHTML);
      const part = document.getElementById(id);
      part.className = fresh.className;
      part.replaceChildren(...fresh.childNodes);
    }
  }
  stages.dataset.finished = page.getElementById("stages").dataset.finished;
  ended = stages.dataset.finished === "true";
  stages.setAttribute("aria-busy", String(!ended));
}

function say(message) {
  note.textContent = message;
  note.hidden = !message;
}

async function ask() {
  asking = true;
  try {
    takeOver(await fetchPage());
    wait = USUAL_WAIT_MS;
    say("");
  } catch (error) {
    ended = error instanceof Gone;
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    say(ended ? error.message : "The site does not answer right now. This page keeps trying.");
  }
  asking = false;
  plan(wait);
}

function plan(delay) {
  window.clearTimeout(timer);
  if (!ended && !asking && !document.hidden) {
    timer = window.setTimeout(ask, delay);
  }
}

document.addEventListener("visibilitychange", () => plan(0));
plan(USUAL_WAIT_MS);
