// The report form works without this file. With it, the browser proves some work while the person
// types, so that a flood from the same network does not make this report wait.
"use strict";
(() => {
  const form = document.querySelector("[data-report]");
  if (!form) return;
  for (const button of form.querySelectorAll(".js-absent")) button.hidden = true; // htmx shows the number by itself
  document.getElementById("problems")?.focus();

  const hex = (text) => Uint8Array.from(text.match(/../g) ?? [], (two) => parseInt(two, 16));
  const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

  async function solve(challenge) {
    const { nonce, salt, cost, keyLength, keyPrefix } = challenge.parameters;
    const start = performance.now();
    const password = new Uint8Array(hex(nonce).length + 4);
    password.set(hex(nonce));
    const how = { name: "PBKDF2", hash: "SHA-256", salt: hex(salt), iterations: cost };
    for (let counter = 0; counter < 2 ** 20; counter++) {
      new DataView(password.buffer).setUint32(password.length - 4, counter);
      const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
      const derived = toHex(new Uint8Array(await crypto.subtle.deriveBits(how, key, keyLength * 8)));
      if (derived.startsWith(keyPrefix)) {
        return { challenge, solution: { counter, derivedKey: derived, time: performance.now() - start } };
      }
    }
    return null;
  }

  let begun = false;
  async function begin() {
    if (begun || !globalThis.crypto?.subtle) return; // without a secure connection there is no such function
    begun = true;
    const found = await solve(JSON.parse(form.dataset.challenge));
    if (found) form.elements.proof.value = btoa(JSON.stringify(found));
  }
  form.addEventListener("input", begin);
  if (document.getElementById("waiting")) begin();
})();
