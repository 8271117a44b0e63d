"use strict";
const base = location.pathname.replace(/\/$/, "");
const show = (id, text) => { document.getElementById(id).textContent = text; };

function measured() {
  return {
    window_width: innerWidth,
    window_height: innerHeight,
    pixel_ratio: devicePixelRatio,
    browser_zoom: outerWidth ? outerWidth / innerWidth : 1,
  };
}

function advise() {
  const now = measured();
  show("size", `${now.window_width} x ${now.window_height}`);
  const advice = [];
  if (now.window_width < 1200 || now.window_height < 650) advice.push("It is small: make it as large as you can, or use a larger screen.");
  if (Math.abs(now.browser_zoom - 1) > 0.1 && now.window_width > 700) advice.push("The browser seems to be zoomed: set its zoom to 100 % (Ctrl+0).");
  show("advice", advice.join(" ") || "That is large enough.");
}

addEventListener("resize", advise);
advise();

document.getElementById("check").addEventListener("submit", async (event) => {
  event.preventDefault();
  const plates = Object.fromEntries(new FormData(event.target));
  try {
    const answer = await fetch(`${base}/api/check`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...measured(), plates }),
    });
    if (!answer.ok) throw new Error((await answer.json()).error.message);
    location.reload();
  } catch (error) {
    show("problem", `Not saved: ${error.message}. Try again.`);
  }
});
