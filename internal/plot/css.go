package plot

// CSS is the style of all plots, for a page's style sheet. The colors are told
// apart by people who see no red or no green (after Okabe and Ito, "Color
// Universal Design", 2008), lighter on dark ground. Printers get the light
// ones. --plot-1 .. --plot-8, --plot-text, --plot-grid and --plot-back are the
// page's to set.
const CSS = `.plot{--t:var(--plot-text,#333);--g:var(--plot-grid,#ddd);--b:var(--plot-back,#fff);
display:block;width:100%;height:auto;font:12px system-ui,sans-serif;font-variant-numeric:tabular-nums}
.plot-s1{--c:var(--plot-1,#0072b2)}.plot-s2{--c:var(--plot-2,#c65200)}.plot-s3{--c:var(--plot-3,#00845f)}.plot-s4{--c:var(--plot-4,#a8568a)}
.plot-s5{--c:var(--plot-5,#7d6300)}.plot-s6{--c:var(--plot-6,#2b7fb0)}.plot-s7{--c:var(--plot-7,#7a4fb5)}.plot-s8{--c:var(--plot-8,#666)}
@media screen and (prefers-color-scheme:dark){
.plot{--t:var(--plot-text,#d0d4d8);--g:var(--plot-grid,#363c44);--b:var(--plot-back,#15181c)}
.plot-s1{--c:var(--plot-1,#4aa8e0)}.plot-s2{--c:var(--plot-2,#ff8c42)}.plot-s3{--c:var(--plot-3,#2fc79a)}.plot-s4{--c:var(--plot-4,#e39ac4)}
.plot-s5{--c:var(--plot-5,#e0c040)}.plot-s6{--c:var(--plot-6,#8fd0f5)}.plot-s7{--c:var(--plot-7,#b392e6)}.plot-s8{--c:var(--plot-8,#aaa)}}
.plot text{fill:var(--t);stroke:none}
.plot .plot-title{font-weight:600;font-size:15px}
.plot .plot-axis{font-style:italic}
.plot .plot-number{fill:var(--b);font-weight:700;pointer-events:none}
.plot .plot-empty{font-size:15px}
.plot-back{fill:var(--b)}
.plot-grid{stroke:var(--g);stroke-width:1;shape-rendering:crispEdges}
.plot-base{stroke:var(--t);stroke-width:1;shape-rendering:crispEdges}
.plot-line{fill:none;stroke-width:2;stroke-linejoin:round}
.plot-fit{fill:none;stroke-width:1.5;stroke-dasharray:6 4}
.plot-fill{stroke:var(--b);stroke-width:1;-webkit-print-color-adjust:exact;print-color-adjust:exact}
.plot-hollow{fill:var(--b)}
.plot-line,.plot-fit,.plot-hollow{stroke:var(--c)}
.plot-cell{-webkit-print-color-adjust:exact;print-color-adjust:exact}
.plot-fill,.plot-mark,.plot-cell{fill:var(--c)}
`
