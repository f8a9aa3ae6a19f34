// The live page of a c10m server or client: it listens to /events and draws.
// Written for this page; it needs no library and no build step.
"use strict";
(() => {
  const SPAN = 300e3; // ms of the curves
  const GAP = 3500; // ms without a sample break a curve
  const SVG = "http://www.w3.org/2000/svg";
  const $ = (id) => document.getElementById(id);

  // What is known. Everything on the page is made from these.
  let meta = null, points = [], now = null, before = null, first = null, cursor = null, lastSeen = 0;
  let listening = null; // how many of the kernel's sockets are no connections

  // Elements. Text is always set as text, never as markup.
  function fill(e, attributes, kids) {
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    e.append(...kids);
    return e;
  }
  const el = (tag, attributes = {}, ...kids) => fill(document.createElement(tag), attributes, kids);
  const dr = (tag, attributes = {}, ...kids) => fill(document.createElementNS(SVG, tag), attributes, kids);
  const set = (e, text) => { if (e.textContent !== text) e.textContent = text; };

  // Numbers.
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const three = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
  const count = (n) => whole.format(n);
  function scaled(n, step, units) {
    let i = 0;
    for (; Math.abs(n) >= step * 0.9995 && i < units.length - 1; i++) n /= step;
    return [three.format(n), units[i]];
  }
  const short = (n) => scaled(n, 1000, ["", "k", "M", "G"]).join("");
  const bytes = (n) => scaled(n, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]).join(" ");
  const time = (ns) => scaled(ns, 1000, ["ns", "µs", "ms", "s"]).join(" ");
  const rate = (n) => (n < 10 && n > 0 ? three.format(n) : count(n)) + "/s";
  const percent = (x) => (x < 0.0995 ? three.format(Math.round(x * 1000) / 10) : Math.round(x * 100)) + " %";
  function age(ms) {
    const s = Math.round(ms / 1000);
    return s < 120 ? s + " s" : s < 7200 ? Math.floor(s / 60) + " min" : three.format(s / 3600) + " h";
  }
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  const server = () => meta.role === "server", fleet = () => meta.shard === "agent";

  // The rate of a counter between neighbouring points; null over a gap.
  function rates(key) {
    return points.slice(1).map((p, i) => {
      const last = points[i], dt = p.t - last.t;
      if (!(dt > 0 && dt <= GAP)) return { t: last.t + 1, v: null };
      return { t: p.t, v: Math.max(0, p[key] - last[key]) * 1000 / dt };
    });
  }
  // The last of them in words: not known of the first sample, and after a gap.
  const latest = (list, say) => {
    const v = list.length ? list[list.length - 1].v : null;
    return v === null ? "–" : say(v);
  };
  // seen is a row {t, v} for each point that has a value, and one without values
  // where nobody looked: after the last sample before the gap. What was known then,
  // though read a while earlier, is shown until there.
  function seen(value) {
    const list = [];
    let last = null;
    points.forEach((p, i) => {
      const before = points[i - 1];
      if (last && before && p.t - before.t > GAP) {
        list.push({ t: before.t, v: last }, { t: before.t + 1, v: last.map(() => null) });
      }
      const v = value(p);
      if (v) list.push({ t: p.t, v: last = v });
    });
    return list;
  }
  // A round number not below n.
  function nice(n) {
    const p = 10 ** Math.floor(Math.log10(n));
    return p * [1, 2, 3, 4, 6, 8, 10].find((m) => m * p >= n * 0.9999);
  }

  // chart draws curves or stacked bands into a figure. Its values are rows
  // {t, v: [number or null per series]}.
  const charts = [];
  class Chart {
    constructor(id, options) {
      Object.assign(this, { height: 190, limit: () => 0, step: 1000, most: () => "peak" }, options);
      this.figure = $(id);
      this.caption = el("figcaption", {}, el("span"), el("span"));
      this.svg = dr("svg", { class: "chart", role: "img", tabindex: "0", height: this.height });
      this.figure.append(this.caption, this.svg);
      this.svg.addEventListener("pointermove", (e) => this.point(e));
      this.svg.addEventListener("pointerleave", () => { cursor = null; render(); });
      this.svg.addEventListener("keydown", (e) => this.key(e));
      charts.push(this);
    }
    point(e) {
      const x = e.clientX - this.svg.getBoundingClientRect().left;
      cursor = this.from + (x - this.left) / (this.right - this.left) * (this.to - this.from);
      render();
    }
    key(e) {
      const list = this.list, i = cursor === null ? list.length - 1 : nearest(list, cursor);
      if (e.key === "Escape") cursor = null;
      else if (e.key === "ArrowLeft" && i > 0) cursor = list[i - 1].t;
      else if (e.key === "ArrowRight" && i < list.length - 1) cursor = list[i + 1].t;
      else return;
      e.preventDefault();
      render();
      set($("spoken"), this.name() + ": " + this.caption.textContent);
    }
    render(to) {
      const width = this.svg.clientWidth || 600, height = this.height;
      const all = this.rows(), live = all.filter((r) => r.v.some((v) => v !== null));
      this.list = live;
      const totals = live.map((r) => this.stacked ? sum(r.v) : Math.max(...r.v.map((v) => v ?? 0)));
      const limit = this.limit(), most = Math.max(0, ...totals);
      const top = nice(Math.max(most * 1.06, this.least || 4) / this.unit(most)) * this.unit(most);
      const from = live.length ? Math.max(to - SPAN, Math.min(live[0].t, to - 60e3)) : to - 60e3;
      Object.assign(this, { from, to, left: 58, right: width - 8, width });
      const x = (t) => this.left + (t - from) / (to - from) * (this.right - this.left);
      const y = (v) => height - 24 - v / top * (height - 36);
      const parts = this.axes(x, y, top);
      parts.push(...this.gaps(all, x), ...(this.stacked ? this.bands(all, x, y) : this.curves(all, x, y)));
      if (limit > 0 && limit <= top) {
        parts.push(dr("line", { class: "limit", x1: this.left, x2: this.right, y1: y(limit), y2: y(limit) }),
          dr("text", { class: "on", x: this.right - 4, y: y(limit) + 14, "text-anchor": "end" },
            short(limit) + " " + meta.bound));
      }
      let at = live[live.length - 1], when = "now";
      if (cursor !== null && live.length) {
        at = live[nearest(live, cursor)];
        when = age(to - at.t) + " ago";
        parts.push(dr("line", { class: "cursor", x1: x(at.t), x2: x(at.t), y1: 8, y2: height - 24 }));
        const dot = (v) => dr("circle", { class: "dot", cx: x(at.t), cy: y(v ?? 0), r: 3.5 });
        if (!this.stacked) parts.push(...at.v.map(dot));
      }
      this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.svg.replaceChildren(...parts);
      this.caption.firstChild.replaceChildren(...(at ? [el("b", {}, this.say(at)), " " + when] : ["nothing yet"]));
      set(this.caption.lastChild, most && at ? this.most() + " " + this.long(most) : "");
      const said = at ? this.say(at) : "nothing yet";
      this.svg.setAttribute("aria-label", `${this.name()} over the last ${age(to - from)}: ${said}, at most ` +
        `${this.long(most)}. Left and right arrow keys read earlier values.`);
    }
    // unit keeps the ticks of byte counts on powers of 1024.
    unit(n) {
      let u = 1;
      while (this.step === 1024 && n / u >= 1024) u *= 1024;
      return u;
    }
    axes(x, y, top) {
      const parts = [];
      for (let i = 0; i <= 4; i++) {
        const v = top * i / 4;
        parts.push(dr("line", { class: i ? "gridline" : "axis", x1: this.left, x2: this.right, y1: y(v), y2: y(v) }),
          dr("text", { x: this.left - 8, y: y(v) + 4, "text-anchor": "end" }, this.tick(v)));
      }
      const every = this.to - this.from > 150e3 ? 60e3 : 15e3;
      for (let ago = 0; ago <= this.to - this.from + 1; ago += every) {
        const text = ago === 0 ? "now" : every === 60e3 ? ago / 60e3 + " min" : ago / 1e3 + " s";
        const anchor = ago === 0 ? "end" : "middle";
        parts.push(dr("text", { x: x(this.to - ago), y: this.height - 7, "text-anchor": anchor }, text));
      }
      return parts;
    }
    // gaps are where nobody looked: there is no page, or the program was stopped.
    gaps(all, x) {
      const parts = [];
      all.forEach((r, i) => {
        const next = all[i + 1];
        if (!next || r.v.some((v) => v !== null)) return;
        const from = Math.max(x(r.t), this.left), width = x(next.t) - from;
        if (width <= 0) return;
        parts.push(dr("rect", { class: "gap", x: from, y: 12, width, height: this.height - 36 }));
        if (width > 74) {
          parts.push(dr("text", { x: from + width / 2, y: this.height / 2, "text-anchor": "middle" }, "no samples"));
        }
      });
      return parts;
    }
    curves(all, x, y) {
      const parts = [];
      const series = all.length ? all[0].v.length : 0;
      for (let s = 0; s < series; s++) {
        for (const run of runs(all, s)) {
          const line = run.map((r, i) => (i ? "L" : "M") + x(r.t).toFixed(1) + " " + y(r.v[s]).toFixed(1)).join("");
          const end = run[run.length - 1];
          const floor = `L${x(end.t).toFixed(1)} ${y(0)}L${x(run[0].t).toFixed(1)} ${y(0)}Z`;
          if (s === 0) parts.push(dr("path", { class: "under", d: line + floor }));
          parts.push(dr("path", { class: s ? "curve second" : "curve", d: line }));
        }
      }
      return parts;
    }
    bands(all, x, y) {
      const parts = [], labels = [], stretches = runs(all, 0);
      for (const run of stretches) {
        const floor = run.map(() => 0), end = run.length - 1;
        this.layers().forEach((layer, s) => {
          const up = run.map((r, i) => `${x(r.t).toFixed(1)} ${y(floor[i] + r.v[s]).toFixed(1)}`);
          const down = run.map((r, i) => `${x(r.t).toFixed(1)} ${y(floor[i]).toFixed(1)}`).reverse();
          parts.push(dr("path", { class: "band f-" + layer.key, d: "M" + up.concat(down).join("L") + "Z" }));
          const low = y(floor[end]), high = y(floor[end] + run[end].v[s]);
          const wide = x(run[end].t) - x(run[0].t) > 110; // as much as a name takes
          if (run === stretches[stretches.length - 1] && wide && low - high > 15) {
            labels.push(dr("text", { class: "on", x: this.right - 6, y: (low + high) / 2 + 4, "text-anchor": "end" },
              layer.name));
          }
          run.forEach((r, i) => { floor[i] += r.v[s]; });
        });
      }
      return parts.concat(labels);
    }
  }
  function nearest(list, t) {
    let best = 0;
    list.forEach((r, i) => { if (Math.abs(r.t - t) < Math.abs(list[best].t - t)) best = i; });
    return best;
  }
  // runs are the stretches of a series without a gap.
  function runs(list, s) {
    const all = [];
    let run = null;
    for (const r of list) {
      if (r.v[s] === null) { run = null; continue; }
      if (!run) all.push(run = []);
      run.push(r);
    }
    return all;
  }

  new Chart("c-conns", {
    name: () => "Connections", height: 220, tick: short, long: count, limit: () => meta.max,
    rows: () => seen((p) => [p.open]), say: (r) => count(r.v[0]) + " open",
  });
  new Chart("c-setup", {
    name: () => "Setup rate", tick: short, long: rate,
    say: (r) => rate(r.v[0]) + (server() ? " accepted" : " established"),
    rows: () => rates("opened").map((r) => ({ t: r.t, v: [r.v] })),
  });
  new Chart("c-messages", {
    name: () => "Messages per second", tick: short, long: rate, say: (r) => rate(r.v[0]) + " echoed",
    rows: () => rates("messages").map((r) => ({ t: r.t, v: [r.v] })),
  });
  // Whether the memory chart shows all of the machine's, or what connections live in.
  const wholeMachine = () => $("whole").checked;
  const beside = (l) => l.key === "other" || l.key === "free";
  new Chart("c-memory", {
    name: () => wholeMachine() ? "Memory of this machine"
      : "Memory of the kernel's caches for connections and of our processes",
    tick: bytes, long: bytes, step: 1024, least: 1 << 20, stacked: true, height: 210,
    layers: () => layers().filter((l) => wholeMachine() || !beside(l)),
    rows() {
      const all = this.layers(), known = seen((p) => p.memory && all.map((l) => l.of(p.memory)));
      const last = known.findLast((r) => r.v.some((v) => v !== null));
      return last ? known.concat({ t: now.t, v: last.v }) : known; // until it is looked at again
    },
    say: (r) => wholeMachine() ? bytes(sum(r.v.slice(0, -1))) + " in use"
      : bytes(sum(r.v)) + " in these caches and processes",
    most: () => wholeMachine() ? "of" : "peak",
  });

  // layers divides a memory sample, from the bottom of the stack to its top.
  function layers() {
    const last = points.findLast((p) => p.memory)?.memory;
    if (!last) return [];
    const kernel = (m) => sum((m.kernel ?? []).map((c) => c.bytes));
    const all = [], add = (key, name, why, of) => all.push({ key, name, why, of });
    (last.kernel ?? []).forEach((c, i) => add(i, c.name, "kernel", (m) => m.kernel[i].bytes));
    if (last.server !== undefined) add("server", "server", "its processes", (m) => m.server ?? 0);
    if (last.client !== undefined) add("client", "client", "its process", (m) => m.client ?? 0);
    const ours = (m) => kernel(m) + (m.server ?? 0) + (m.client ?? 0);
    add("other", "everything else in use", "other processes, the rest of the kernel",
      (m) => Math.max(0, m.used - ours(m)));
    add("free", "free", "with the page cache", (m) => m.total - m.used);
    return all;
  }

  // A table is made anew only when its shape changes; otherwise cells are set.
  function table(t, head, rows) {
    const shape = rows.map((r) => r.key ?? r.name).join("|");
    if (t.dataset.shape !== shape) {
      t.dataset.shape = shape;
      t.querySelectorAll("thead,tbody").forEach((e) => e.remove());
      if (head) t.append(el("thead", {}, el("tr", {}, ...head.map((h) => el("th", { scope: "col" }, h)))));
      t.append(el("tbody", {}, ...rows.map((r) => {
        const name = el("th", { scope: "row" });
        if (r.mark) {
          name.append(dr("svg", { class: "key", viewBox: "0 0 12 12", "aria-hidden": "true" },
            dr("rect", { class: "f-" + r.mark, width: 12, height: 12 })));
        }
        name.append(r.name);
        if (r.why) name.append(el("small", {}, r.why));
        return el("tr", {}, name, ...r.cells.map(() => el("td")));
      })));
    }
    const body = t.tBodies[0].rows;
    rows.forEach((r, i) => r.cells.forEach((c, j) => {
      const cell = body[i].cells[j + 1];
      set(cell, c);
      cell.className = r.alarm && j === r.cells.length - 1 ? "alarm" : "";
    }));
  }

  // Cells are small gauges, one per port or shard: how full each is shows as a
  // level, and in words for the one under the pointer or the arrow keys.
  class Cells {
    constructor(into, name, long, least) {
      Object.assign(this, { name, long, least, full: 0, chosen: -1, size: 0, items: [] });
      this.text = el("p", {}, el("span"), el("span"));
      this.svg = dr("svg", { role: "img", tabindex: "0" });
      this.box = el("div", { class: "cells" }, this.text, this.svg);
      into.append(this.box);
      const choose = (i) => { this.chosen = Math.max(-1, Math.min(this.size - 1, i)); this.show(); };
      this.svg.addEventListener("pointermove", (e) => {
        const r = this.svg.getBoundingClientRect(), cell = r.width / this.columns;
        const row = Math.floor((e.clientY - r.top) / cell), column = Math.floor((e.clientX - r.left) / cell);
        choose(row * this.columns + Math.min(this.columns - 1, column));
      });
      this.svg.addEventListener("pointerleave", () => choose(-1));
      this.svg.addEventListener("keydown", (e) => {
        const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns }[e.key];
        if (e.key === "Escape") choose(-1);
        else if (by) choose(this.chosen < 0 ? 0 : Math.max(0, this.chosen + by));
        else return;
        e.preventDefault();
        set($("spoken"), this.text.firstChild.textContent);
      });
    }
    resize(n) {
      this.size = n;
      this.columns = n <= 25 ? Math.max(10, n) : n <= 400 ? 25 : n <= 1600 ? 50 : 100;
      const box = `0 0 ${this.columns * 10} ${Math.ceil(n / this.columns) * 10}`;
      fill(this.svg, { viewBox: box, preserveAspectRatio: "xMinYMin" }, []);
      this.levels = Array.from({ length: n }, () => dr("rect", { class: "level", width: 8.6, rx: 1 }));
      this.frame = dr("rect", { class: "chosen", width: 9.6, height: 9.6, rx: 2, visibility: "hidden" });
      const size = { width: 8.6, height: 8.6, rx: 1.6 };
      const cells = this.levels.map((_, i) => dr("rect", { class: "cell", x: this.x(i), y: this.y(i), ...size }));
      this.svg.replaceChildren(...cells, ...this.levels, this.frame);
    }
    x(i) { return i % this.columns * 10 + 0.7; }
    y(i) { return Math.floor(i / this.columns) * 10 + 0.7; }
    // update shows the items. A full cell is a round number not below the largest of
    // them, and stays what it is until that is far less, so that levels can be followed.
    update(items, hot) {
      if (items.length !== this.size) this.resize(items.length);
      this.items = items;
      const most = Math.max(this.least, ...items.map((i) => i.v));
      if (most > this.full || most < this.full / 4) this.full = nice(most);
      items.forEach((item, i) => {
        const level = this.levels[i], h = Math.min(1, item.v / this.full) * 8.6;
        const height = (item.v > 0 ? Math.max(0.6, h) : 0).toFixed(1);
        if (level.getAttribute("height") === height) return;
        fill(level, { x: this.x(i), y: (this.y(i) + 8.6 - height).toFixed(1), height,
          class: hot && item.v >= hot ? "level hot" : "level" }, []);
      });
      this.show();
    }
    show() {
      const v = this.items.map((i) => i.v), low = Math.min(...v), high = Math.max(...v), i = this.chosen;
      const one = v.length === 1 ? this.long(low) : "each " + this.long(low);
      const all = low === high ? one : `${this.long(low)} to ${this.long(high)} each`;
      const [lead, rest] = this.text.childNodes;
      const [who, says] = i >= 0 ? [this.items[i].name, this.long(v[i])] : [this.name, all];
      lead.replaceChildren(el("b", {}, who), " " + says);
      set(rest, "a full cell is " + this.long(this.full));
      this.svg.setAttribute("aria-label", `${this.name}: ${all}. Arrow keys read them one by one; a table follows.`);
      const at = Math.max(0, i);
      fill(this.frame, { visibility: i >= 0 ? "visible" : "hidden", x: this.x(at) - 0.5, y: this.y(at) - 0.5 }, []);
    }
  }

  // Ports, one grid for each protocol.
  const grids = new Map();
  function showPorts() {
    $("s-ports").hidden = !meta.ports.length || !now.port_open;
    if ($("s-ports").hidden) return;
    for (const proto of new Set(meta.ports.map((p) => p.proto))) {
      const items = meta.ports.map((p, i) => ({ name: "port " + p.port, v: now.port_open[i], proto: p.proto }))
        .filter((p) => p.proto === proto);
      if (!grids.has(proto)) {
        const mine = meta.ports.filter((p) => p.proto === proto).map((p) => p.port);
        const to = mine.length > 1 ? "–" + mine[mine.length - 1] : "";
        const label = (proto === "ws" ? "WebSocket " : "TCP ") + mine[0] + to;
        grids.set(proto, new Cells($("ports"), label, (n) => short(n), 1));
      }
      grids.get(proto).update(items);
    }
    if (!$("d-ports").open) return;
    const fair = meta.max / meta.ports.length;
    table($("d-ports").querySelector("table"), ["Port", "Protocol", "Open", "Of an even share"],
      meta.ports.map((p, i) => {
        const n = now.port_open[i];
        return { name: String(p.port), cells: [p.proto, count(n), percent(n / fair)] };
      }));
  }

  // CPU of each shard in cores; null where it is not known. One that was not there
  // a sample ago, a worker started anew or a thread of the next run, has used all
  // of its time since.
  const cores = () => {
    const was = new Map(before?.shards.map((s) => [s.number, s])), dt = before ? (now.t - before.t) / 1000 : 0;
    return now.shards.map((s) => {
      const old = was.get(s.number);
      if (!(dt > 0) || s.id <= 0 || old?.id === 0) return null;
      const used = Math.max(0, (s.cpu - (old?.id === s.id ? old.cpu : 0)) / dt);
      return meta.shard === "thread" ? Math.min(1, used) : used; // the two clocks are not read at once
    });
  };
  let shardCells = null;
  function showShards() {
    const used = cores(), box = $("shards"), agents = fleet();
    const name = (i) => now.shards[i].name || meta.shard + " " + now.shards[i].number;
    const full = used.length === 1 ? meta.cpus : Math.max(1, ...used);
    set($("h-shards"), "CPU per " + meta.shard);
    set($("n-shards"), server() && used.length > 1
      ? `What one does: go tool pprof '${location.origin}/debug/pprof/profile?worker=0'. Without worker= profiles ` +
        "are the supervisor's, and so are go_* and process_* in /metrics."
      : "");
    if (used.length <= 10) {
      if (box.childElementCount !== 1 || box.firstChild.childElementCount !== 3 * used.length) {
        const bar = (i) => [el("span", {}, name(i)), el("div", { "aria-hidden": "true" }, el("div")),
          el("span", { class: "num" })];
        box.replaceChildren(el("div", { class: "bars" }, ...used.flatMap((_, i) => bar(i))));
      }
      const parts = box.firstChild.children;
      used.forEach((u, i) => {
        set(parts[3 * i], name(i));
        parts[3 * i + 1].firstChild.style.width = Math.min(100, (u ?? 0) / full * 100) + "%";
        const { open, state } = now.shards[i], more = agents ? " · " + state : "";
        set(parts[3 * i + 2], `${u === null ? "–" : percent(u)} · ${count(open)} open${more}`);
      });
    } else {
      if (shardCells?.box.parentNode !== box) {
        box.replaceChildren();
        shardCells = new Cells(box, "", percent, 0.01);
      }
      shardCells.name = used.length + " " + meta.shard + "s"; // they grow by need
      shardCells.update(used.map((u, i) => ({ name: name(i), v: u ?? 0 })), 0.9);
    }
    if ($("d-shards").open) {
      const id = server() ? "Process" : agents ? "State" : "Thread id";
      const more = server() ? ["Restarts", "State"] : [];
      const head = [meta.shard, id, "Open", "Opened", "CPU", "CPU so far", ...more];
      table($("d-shards").querySelector("table"), head, now.shards.map((s, i) => {
        const cells = [agents ? s.state : String(s.id || "–"), count(s.open), count(s.opened),
          used[i] === null ? "–" : percent(used[i]), three.format(s.cpu) + " s"];
        return { name: s.name || String(s.number), cells: server() ? cells.concat(count(s.restarts), s.state) : cells };
      }));
    }
  }

  // What a cause is in words: causes.js has those of the report.
  const why = (cause) => causes[meta.role][cause.replace(/^reconnect_/, "")];
  // sockets tells connections from what listens, which is in the kernel's count, too.
  function sockets(all) {
    const row = (name, why, n) => ({ name, why, cells: [count(Math.max(0, n)), ""] });
    if (listening === null) return [row("TCP sockets", "those that listen among them", all)];
    return [row("Ends of TCP connections", "both, where both are here", all - listening),
      row("TCP sockets that listen", "one for each port, of each that accepts there", listening)];
  }
  function showErrors() {
    const rows = Object.entries(now.errors).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]).map(([cause, n]) => {
      const old = before?.errors?.[cause] ?? 0, grew = before ? Math.max(0, n - old) * 1000 / (now.t - before.t) : 0;
      const cells = [count(n), grew > 0 ? "▲ " + rate(grew) : "–"];
      return { name: cause, why: why(cause), cells, alarm: grew > 0 };
    });
    $("no-errors").hidden = rows.length > 0;
    $("t-errors").hidden = rows.length === 0;
    if (rows.length) table($("t-errors"), ["Cause", "So far", "Now"], rows);
    const n = now.net, old = first?.net;
    if (!n || !old) return;
    if (n.listening !== undefined) listening = n.listening; // it is counted as seldom as memory is
    const grows = (name, why, key) => {
      const more = n[key] - old[key];
      return { name, why, cells: [count(n[key]), more > 0 ? "▲ " + count(more) : "–"], alarm: more > 0 };
    };
    table($("t-kernel"), ["", "Now", "Since you look"], [
      ...sockets(n.sockets),
      { name: "TIME_WAIT", cells: [count(n.time_wait), ""] },
      grows("Accept queue overflows", "a listener's queue was full (somaxconn)", "listen_overflows"),
      grows("Listen drops", "SYNs and last ACKs dropped, for any reason", "listen_drops"),
      grows("SYN queue full", "dropped (tcp_max_syn_backlog)", "syn_queue_full"),
      grows("SYN cookies sent", "", "syn_cookies"),
      grows("Backlog drops", "a socket's own queue was full", "backlog_drops"),
      grows("Memory pressure", "times tcp_mem's middle mark was passed", "memory_pressure"),
    ]);
  }

  function showMemory() {
    const p = points.findLast((q) => q.memory);
    if (!p) return;
    let x = 0;
    $("b-memory").replaceChildren(...layers().map((l) => {
      const width = l.of(p.memory) / p.memory.total * 100;
      return dr("rect", { class: "f-" + l.key, x: (x += width) - width, width, height: 10 });
    }));
    set($("n-memory"), memoryNote(p.memory));
    table($("t-memory"), ["Who", "Bytes", "Share"], layers().map((l) => {
      const v = l.of(p.memory);
      return { name: l.name, why: l.why, mark: String(l.key), cells: [bytes(v), percent(v / p.memory.total)] };
    }));
  }

  // What the numbers are, and whose are missing.
  function memoryNote(m) {
    const caches = m.kernel
      ? "The caches are those that sockets live in. The kernel has one of each for the whole machine: files and " +
        "sockets of other programs are in them too, and room that is free for the next, so they are not empty " +
        "without connections."
      : "The kernel's caches are not shown: only root may read /proc/slabinfo.";
    if (server()) {
      return caches + " A client on this machine is in everything else: a server does not know who its clients " +
        "are. The client's own page (--dash) shows both.";
    }
    return m.server === undefined ? caches + " The server does not tell its memory here (--server-control)." : caches;
  }

  // Tiles: [name, value, note, share of a whole].
  function tiles() {
    const opened = rates("opened"), messages = rates("messages"), volume = rates("bytes");
    const used = cores().filter((u) => u !== null);
    const peak = (list) => "peak " + rate(Math.max(0, ...list.map((r) => r.v ?? 0)));
    const of = `of ${count(meta.max)} ${meta.bound}`;
    const all = [["Connections", count(now.open), of, now.open / meta.max],
      ["Setup rate", latest(opened, rate), peak(opened)],
      ["Messages", latest(messages, rate), latest(volume, (v) => bytes(v) + "/s of payload")]];
    if (now.tls) {
      all.push(["TLS handshakes", count(now.tls.handshakes),
        `${count(now.tls.resumed)} resumed, ${count(now.tls.under_way)} under way`]);
    }
    const r = now.run;
    if (r) {
      all.push(["Phase", now.phase, "after " + age(r.elapsed * 1000)], ["Failed, lost", count(r.failed + r.lost),
        `${count(r.failed)} failed, ${count(r.lost)} lost` + (r.restored ? `, ${count(r.restored)} restored` : "")]);
      const latency = (name, l) => all.push(l ? [name, time(l.p50), `p99 ${time(l.p99)}, max ${time(l.max)}`]
        : [name, "–", "none yet"]);
      latency("Connect, median", r.connect);
      latency("Echo, median", r.echo);
    }
    const busiest = used.length > 1 ? `busiest ${meta.shard} ${percent(Math.max(...used))}` : "";
    const spent = used.length ? String(Math.round(sum(used) * 100) / 100) : "–";
    all.push(["CPU cores in use", spent, [fleet() ? "" : `of ${meta.cpus}`, busiest].filter(Boolean).join("; ")]);
    const m = points.findLast((p) => p.memory)?.memory;
    if (!fleet()) all.push(["Free memory", m ? bytes(m.total - m.used) : "–", m ? "of " + bytes(m.total) : ""]);
    const box = $("tiles");
    if (box.childElementCount !== all.length) {
      box.className = all.length > 5 ? "tiles many" : "tiles";
      box.replaceChildren(...all.map((t) => {
        const meter = t.length > 3
          ? [el("dd", {}, el("meter", { min: 0, max: 1, "aria-label": t[0] + " " + t[2] }))] : [];
        return el("div", {}, el("dt", {}, t[0]), el("dd", { class: "value" }), el("dd", { class: "note" }), ...meter);
      }));
    }
    all.forEach((t, i) => {
      const [, value, note, share] = box.children[i].children;
      [value, note].forEach((e, k) => set(e, t[k + 1]));
      if (share) share.firstChild.value = Math.min(1, t[3]);
    });
  }

  function render() {
    if (!meta || !now) return;
    tiles();
    charts.forEach((c) => c.render(now.t));
    showMemory();
    showPorts();
    showShards();
    showErrors();
  }

  const state = (text, kind) => { set($("state"), text); $("state").className = "state " + kind; };

  // For those who listen: a sentence now and then, when it has changed.
  let spokenAt = 0;
  function speak() {
    if (now.t - spokenAt < 30e3) return;
    spokenAt = now.t;
    const errors = sum(Object.values(now.errors));
    set($("spoken"), `${count(now.open)} connections, ${latest(rates("opened"), rate)} set up, ` +
      `${latest(rates("messages"), rate)} messages, ${errors ? count(errors) + " errors" : "no errors"}.`);
  }

  function hello(data) {
    ({ meta } = data);
    points = data.past || [];
    meta.ports ??= [];
    now = before = first = listening = null;
    grids.clear();
    shardCells = null;
    for (const id of ["ports", "shards"]) $(id).replaceChildren();
    document.title = "c10m " + meta.role;
    for (const id of ["role", "title"]) set($(id), meta[id]);
    set($("build"), `commit ${meta.commit}, process ${meta.pid}`);
    $("footprint").hidden = !server();
    $("s-memory").hidden = $("s-kernel").hidden = fleet(); // each agent's machine has its own
  }

  function sample(s) {
    before = now;
    now = s;
    first ??= s;
    lastSeen = Date.now();
    points.push(s);
    while (points.length && s.t - points[0].t > SPAN) points.shift();
    points = points.map((p) => {
      const { t, open, opened, messages, bytes, memory } = p;
      return p === s ? s : { t, open, opened, messages, bytes, memory };
    });
    state(s.phase, s.phase === "ready" || s.run ? "ready" : "waiting");
    render();
    speak();
  }

  let ended = false;
  function connect() {
    const source = new EventSource("/events");
    const on = (name, f) => source.addEventListener(name, (e) => f(JSON.parse(e.data)));
    on("hello", (data) => { ended = false; hello(data); });
    on("sample", sample);
    on("end", () => {
      ended = true;
      source.close();
      state("ended; these are its last numbers", "gone");
      setTimeout(connect, 5000);
    });
    source.onerror = () => {
      if (!ended) state("no connection; trying again", "gone");
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
    };
  }
  setInterval(() => {
    if (now && !ended && Date.now() - lastSeen > 4000) state("no new numbers", "gone");
  }, 1000);
  new ResizeObserver(render).observe($("main"));
  $("whole").addEventListener("change", render);
  document.querySelectorAll("details").forEach((d) => d.addEventListener("toggle", render));
  connect();
})();
