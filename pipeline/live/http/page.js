"use strict";
// The page asks again and again, instead of being told: a request every two seconds costs little, and the server need not
// hold a connection for each screen that shows it.
(() => {
  // Another pace can be had with /?every=SECONDS.
  const asked = Number(new URLSearchParams(location.search).get("every"));
  const everyMs = asked >= 0.1 && asked <= 3600 ? 1000 * asked : 2000;
  const patienceMs = 8000;
  const $ = (id) => document.getElementById(id);

  // ---- how values are said

  const short = (value) => {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1000) return Math.round(value).toLocaleString("en");
    return Number(value.toPrecision(size >= 100 ? 3 : 2)).toString();
  };
  const seconds = (value) => {
    if (value < 0.1) return `${Math.round(value * 1000)} ms`;
    if (value < 10) return `${value.toFixed(1)} s`;
    if (value < 60) return `${Math.round(value)} s`;
    if (value >= 600 && value < 3600) return `${Math.round(value / 60)} min`;
    if (value < 3600) return `${Math.floor(value / 60)} min ${String(Math.round(value % 60) % 60).padStart(2, "0")} s`;
    if (value < 86400) return `${Math.floor(value / 3600)} h ${Math.floor((value % 3600) / 60)} min`;
    return `${Math.floor(value / 86400)} d ${Math.floor((value % 86400) / 3600)} h`;
  };
  const bytes = (value) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let unit = 0;
    for (; value >= 1024 && unit + 1 < units.length; ++unit) value /= 1024;
    return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
  };
  const percent = (value) => `${(100 * value).toFixed(1)} %`;
  const clock = (time) => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const dayAndClock = (time) => {
    const date = new Date(time);
    const today = date.toDateString() === new Date().toDateString();
    return today ? clock(time) : `${date.toLocaleDateString()} ${clock(time)}`;
  };

  const say = (id, text) => { const e = $(id); if (e.textContent !== text) e.textContent = text; };
  const sayWithUnit = (id, number, unit) => {
    const small = document.createElement("small");
    small.textContent = ` ${unit}`;
    $(id).replaceChildren(number, small);
  };

  // ---- charts

  const svgNode = (name, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };

  // Round steps, so that at most `count` of them are in the range.
  const niceStep = (range, count) => {
    const raw = range / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    return power * [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999);
  };

  class Chart {
    constructor(id, what, say, logarithmic = false) {
      this.what = what;
      this.say = say;
      this.sayTick = logarithmic ? (value) => `${short(value)} s` : say;
      this.logarithmic = logarithmic;
      this.output = document.createElement("output");
      this.output.setAttribute("aria-live", "off");
      this.svg = svgNode("svg", { role: "img" });
      $(id).querySelector("figcaption").append(this.output);
      $(id).append(this.svg);
      this.points = [];
      this.svg.addEventListener("pointermove", (event) => this.point(event.offsetX));
      this.svg.addEventListener("pointerleave", () => this.point(null));
      new ResizeObserver(() => requestAnimationFrame(() => this.draw())).observe(this.svg);
    }

    show(firstZ, lastZ, values) {
      this.points = [];
      for (let i = 0; i < values.length; ++i) {
        this.points.push({ first: firstZ[i], last: lastZ[i], z: (firstZ[i] + lastZ[i]) / 2, value: values[i] });
      }
      this.draw();
    }

    scales(width, height) {
      const known = this.points.filter((p) => p.value !== null && (!this.logarithmic || p.value > 0));
      if (known.length === 0) return null;
      const left = 46, right = 10, top = 8, bottom = 20;
      const minZ = this.points[0].first, maxZ = Math.max(this.points[this.points.length - 1].last, minZ + 1);
      const values = known.map((p) => p.value);
      let low = 0, high = values.reduce((a, b) => Math.max(a, b)) || 1, ticks = [];
      let share;
      if (this.logarithmic) {
        low = Math.floor(Math.log10(values.reduce((a, b) => Math.min(a, b))));
        high = Math.max(low + 1, Math.ceil(Math.log10(high)));
        for (let power = low; power <= high; ++power) ticks.push(10 ** power);
        share = (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low);
      } else {
        const step = niceStep(high * 1.05, Math.max(2, Math.floor(height / 45)));
        high = Math.ceil((high * 1.02) / step) * step;
        for (let i = 0; i * step <= high * 1.001; ++i) ticks.push(i * step);
        share = (value) => value / high;
      }
      return {
        known, ticks, left, bottom: height - bottom, right: width - right, minZ, maxZ,
        x: (z) => left + ((z - minZ) / (maxZ - minZ)) * (width - left - right),
        y: (value) => height - bottom - share(value) * (height - top - bottom),
      };
    }

    draw() {
      const width = this.svg.clientWidth, height = this.svg.clientHeight;
      const s = width > 0 && height > 0 ? this.scales(width, height) : null;
      this.scale = s;
      this.svg.replaceChildren();
      this.svg.setAttribute("viewBox", `0 0 ${Math.max(1, width)} ${Math.max(1, height)}`);
      if (s === null) {
        this.svg.setAttribute("aria-label", `${this.what}: nothing measured yet`);
        this.svg.append(svgNode("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "nothing measured yet"));
        this.output.textContent = "";
        return;
      }
      for (const tick of s.ticks) {
        this.svg.append(svgNode("line", { class: "grid", x1: s.left, x2: s.right, y1: s.y(tick), y2: s.y(tick) }));
        this.svg.append(svgNode("text", { x: s.left - 6, y: s.y(tick) + 4, "text-anchor": "end" }, this.sayTick(tick)));
      }
      const step = Math.max(1, niceStep(s.maxZ - s.minZ, Math.max(1, Math.floor(width / 70))));
      for (let z = Math.ceil(s.minZ / step) * step; z <= s.maxZ; z += step) {
        const anchor = s.x(z) > width - 30 ? "end" : "middle";
        this.svg.append(svgNode("text", { x: s.x(z), y: s.bottom + 15, "text-anchor": anchor }, String(z)));
      }
      let path = "", pen = false;
      for (const p of this.points) {
        if (p.value === null) { pen = false; continue; }
        path += `${pen ? "L" : "M"}${s.x(p.z).toFixed(1)} ${s.y(p.value).toFixed(1)}`;
        pen = true;
      }
      this.svg.append(svgNode("path", { class: "curve", d: path }));
      const last = s.known[s.known.length - 1];
      this.svg.append(svgNode("circle", { class: "last", cx: s.x(last.z), cy: s.y(last.value), r: 4.5 }));
      this.cursor = svgNode("line", { class: "cursor", y1: 8, y2: s.bottom, visibility: "hidden" });
      this.svg.append(this.cursor);
      const values = s.known.map((p) => p.value);
      this.svg.setAttribute("aria-label", `${this.what}: ${this.say(last.value)} at slice ${last.last}; ` +
        `${this.say(values.reduce((a, b) => Math.min(a, b)))} to ${this.say(values.reduce((a, b) => Math.max(a, b)))} ` +
        `over slices ${this.points[0].first} to ${this.points[this.points.length - 1].last}`);
      this.point(null);
    }

    // Tells the value under the pointer, or the last one.
    point(x) {
      if (!this.scale) return;
      const known = this.scale.known;
      let nearest = known[known.length - 1];
      if (x !== null) {
        nearest = known.reduce((a, b) => Math.abs(this.scale.x(b.z) - x) < Math.abs(this.scale.x(a.z) - x) ? b : a);
        this.cursor.setAttribute("x1", this.scale.x(nearest.z));
        this.cursor.setAttribute("x2", this.scale.x(nearest.z));
      }
      this.cursor.setAttribute("visibility", x === null ? "hidden" : "visible");
      const slices = nearest.first === nearest.last ? `${nearest.first}` : `${nearest.first}–${nearest.last}`;
      this.output.textContent = x === null ? this.say(nearest.value) : `z ${slices}: ${this.say(nearest.value)}`;
    }
  }

  const charts = {
    foreground: new Chart("foreground-chart", "Foreground", (v) => `${short(100 * v)} %`),
    drift: new Chart("drift-chart", "Drift of each slice", short),
    entropy: new Chart("entropy-chart", "Entropy of the prediction", (v) => `${short(v)} bit`),
    latency: new Chart("latency-chart", "Latency", seconds, true),
  };

  // ---- what is asked for

  const ask = async (path) => {
    const patience = new AbortController();
    const alarm = setTimeout(() => patience.abort(), patienceMs);
    try {
      const response = await fetch(path, { signal: patience.signal, cache: "no-store" });
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
      // Read whole within the patience.
      return { slice: response.headers.get("Fibflow-Slice"), body: await response.blob() };
    } finally {
      clearTimeout(alarm);
    }
  };
  const askJson = async (path) => JSON.parse(await (await ask(path)).body.text());

  let shownSlice = null;
  const showPicture = async (z, foreground) => {
    if (z === null || z === shownSlice) return;
    const [image, mask] = await Promise.all([ask("/newest/image.png"), ask("/newest/mask.png")]);
    // A slice came in between: next time.
    if (image.slice !== mask.slice) return;
    for (const [id, body] of [["image", image.body], ["mask", mask.body]]) {
      const old = $(id).src;
      $(id).src = URL.createObjectURL(body);
      if (old) URL.revokeObjectURL(old);
      $(id).hidden = id === "mask" && !$("show-mask").checked;
    }
    shownSlice = Number(image.slice);
    $("no-slice").hidden = true;
    say("newest-title", `Newest slice: ${shownSlice}`);
    $("image").alt = `Slice ${shownSlice} with its mask`;
  };

  let historyOf = null;
  const showHistory = async (status) => {
    const of = `${status.started} ${status.slices.processed} ${status.inbox === null ? "" : status.inbox.stack}`;
    if (of === historyOf) return;
    const history = await askJson("/history");
    for (const [name, chart] of Object.entries(charts)) chart.show(history.first_z, history.last_z, history[name]);
    historyOf = of;
  };

  // ---- what is shown

  const showState = (status) => {
    const hangs = !status.health.alive;
    $("state").dataset.state = hangs ? "hangs" : status.state;
    say("state-name", hangs ? "no progress" : status.state);
    say("reason", hangs ? status.health.reason : status.reason);
    const name = status.folder.replace(/\/+$/, "").split("/").pop();
    document.title = `${hangs ? "no progress" : status.state} · ${status.slices.processed} · ${name} · fibflow`;
  };

  const showFigures = (status) => {
    const slices = status.slices;
    say("processed", slices.processed.toLocaleString("en"));
    const troubles = ["skipped", "failed", "late"].filter((kind) => slices[kind] > 0);
    say("counts", [`${slices.seen.toLocaleString("en")} seen`, ...troubles.map((kind) => `${slices[kind]} ${kind}`)].join(", "));
    $("counts").classList.toggle("attention", troubles.length > 0);
    say("pending", slices.pending.toLocaleString("en"));
    const perMinute = status.slices_per_minute;
    say("backlog-note", slices.pending > 1 && perMinute > 0 ? `about ${seconds((60 * slices.pending) / perMinute)} at this rate`
      : slices.pending === 0 ? "nothing to do" : "slices to do");
    sayWithUnit("rate", short(perMinute), "slices/min");
    say("voxel-rate", status.voxels_per_second === null ? "" : `${short(status.voxels_per_second / 1e6)} Mvoxel/s`);
    say("latency", status.latency === null ? "–" : seconds(status.latency.median));
    say("latency-note", status.latency === null ? "" : `median; 99 % within ${seconds(status.latency.p99)}`);
    say("source-drift", status.drift_from_source === null ? "–" : short(status.drift_from_source));
    say("adaptation", status.adaptation === "" ? "per channel" : `per channel; ${status.adaptation}`);
    say("memory", bytes(status.memory.resident));
    const parts = [];
    if (status.memory.budget > 0) parts.push(`of ${bytes(status.memory.budget)}`);
    if (status.disk_free !== null) parts.push(`disk: ${bytes(status.disk_free)} free`);
    say("memory-note", parts.join("; "));
    const shown = [...status.recent].reverse().find((slice) => slice.z === status.picture);
    say("slice-note", shown ? `${percent(shown.foreground)} foreground, ${dayAndClock(shown.finished)}` : "");
    say("no-slice", slices.processed > 0 ? "The next slice brings a picture." : "No slice has been segmented yet.");
  };

  // Of an inbox: which stack is at work, and what became of the last ones.
  let shownStacks = "";
  const showStacks = (inbox) => {
    $("stacks").hidden = inbox === null;
    $("newest").hidden = inbox !== null;
    // What is dropped is complete already: nothing is late.
    $("latency-card").hidden = $("latency-chart").hidden = inbox !== null;
    if (inbox === null) return;
    const key = JSON.stringify(inbox);
    if (key === shownStacks) return;
    shownStacks = key;
    const atWork = inbox.stack !== "";
    say("at-work", atWork ? `${inbox.stack}: ${inbox.slices_done.toLocaleString("en")} of ${inbox.slices.toLocaleString("en")} slices`
      : "None is at work.");
    $("progress").hidden = !atWork;
    $("progress").value = atWork && inbox.slices > 0 ? inbox.slices_done / inbox.slices : 0;
    say("stack-counts", [`${inbox.done.toLocaleString("en")} done`, `${inbox.waiting.toLocaleString("en")} waiting`,
      `${inbox.failed.toLocaleString("en")} failed`].join(", "));
    $("stack-list").replaceChildren(...inbox.last.slice().reverse().map((stack) => {
      const item = document.createElement("li");
      item.dataset.state = stack.state;
      const state = document.createElement("b");
      state.textContent = stack.state;
      const text = document.createElement("span");
      text.textContent = stack.state === "failed" ? `${stack.name}: ${stack.reason}`
        : stack.state === "done" ? `${stack.name}: ${stack.output}/report.html has its pictures` : stack.name;
      item.append(state, text);
      return item;
    }));
  };

  let shownWarnings = "";
  const showWarnings = (warnings) => {
    const key = JSON.stringify(warnings);
    if (key === shownWarnings) return;
    shownWarnings = key;
    $("warned").hidden = warnings.count === 0;
    say("warned", warnings.count === 1 ? "1 warning" : `${warnings.count.toLocaleString("en")} warnings`);
    $("warnings").classList.toggle("some", warnings.count > 0);
    $("no-warnings").hidden = warnings.count > 0;
    $("warning-list").replaceChildren(...warnings.last.slice().reverse().map((warning) => {
      const item = document.createElement("li");
      const time = document.createElement("time");
      time.dateTime = warning.time;
      time.textContent = dayAndClock(warning.time);
      const text = document.createElement("span");
      text.textContent = warning.times > 1 ? `${warning.text} (${warning.times} times)` : warning.text;
      item.append(time, text);
      return item;
    }));
  };

  let shownFacts = "";
  const showRun = (status) => {
    const started = Date.parse(status.started);
    const facts = [
      ["started", status.started === null ? "" : `${new Date(started).toLocaleString()}, ${seconds((Date.parse(status.now) - started) / 1000)} ago`],
      ["output", status.output], ["slices", status.numbering], ["model", status.model], ["options", status.options],
      ["event overflows", String(status.overflows)], ["fibflow", status.fibflow],
    ].filter(([, value]) => value !== "");
    const key = JSON.stringify(facts);
    if (key === shownFacts) return;
    shownFacts = key;
    $("run-facts").replaceChildren(...facts.flatMap(([name, value]) => {
      const term = document.createElement("dt");
      const detail = document.createElement("dd");
      term.textContent = name;
      detail.textContent = value;
      return [term, detail];
    }));
  };

  // ---- the loop

  let heard = null;
  let ending = false;
  const lose = () => {
    const since = heard === null ? "It has not answered yet." : `It was last heard ${dayAndClock(heard)}; what is shown is from then.`;
    const text = ending ? `The run was ending, and the daemon answers no more. ${since}`
      : `The connection to the daemon is lost. ${since} Trying again.`;
    say("lost", text);
    $("lost").hidden = false;
    document.body.classList.add("lost");
    document.title = "connection lost · fibflow";
  };

  const refresh = async () => {
    const status = await askJson("/status");
    heard = Date.now();
    ending = status.state === "ending";
    $("lost").hidden = true;
    document.body.classList.remove("lost");
    say("folder", status.folder);
    say("updated", `updated ${clock(heard)}`);
    showState(status);
    showFigures(status);
    showStacks(status.inbox);
    showWarnings(status.warnings);
    showRun(status);
    await showHistory(status);
    await showPicture(status.picture);
  };

  const loop = async () => {
    try {
      await refresh();
    } catch {
      lose();
    }
    setTimeout(loop, everyMs);
  };

  // ---- controls

  $("show-mask").addEventListener("change", () => { $("mask").hidden = !$("show-mask").checked || shownSlice === null; });
  const setOpacity = () => { $("mask").style.opacity = $("opacity").value / 100; };
  $("opacity").addEventListener("input", setOpacity);
  setOpacity();

  const themes = ["auto", "light", "dark"];
  const remembered = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const setTheme = (theme) => {
    document.documentElement.dataset.theme = theme;
    say("theme", `theme: ${theme}`);
    try { localStorage.setItem("theme", theme); } catch { /* for this visit only, then */ }
  };
  $("theme").addEventListener("click", () => {
    setTheme(themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length]);
  });
  setTheme(themes.includes(remembered()) ? remembered() : "auto");

  loop();
})();
