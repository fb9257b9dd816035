/* The form's time zone and its count of characters. Without it the zone is UTC. */

const zone = document.getElementById("timezone");
const text = document.getElementById("text");
const count = document.getElementById("text-count");

// A zone that the server has just refused is not sent again.
if (!document.getElementById("timezone-error")) {
  zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}

function showCount() {
  const { length } = text.value;
  const limit = text.maxLength;
  count.textContent =
    length < limit
      ? `${length.toLocaleString("en-GB")} of ${limit.toLocaleString("en-GB")} characters.`
      : `${limit.toLocaleString("en-GB")} characters: that is the limit, nothing more is taken.`;
  count.classList.toggle("at-limit", length >= limit);
}

text.addEventListener("input", showCount);
showCount();
