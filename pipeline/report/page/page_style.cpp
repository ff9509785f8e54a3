#include "pipeline/report/page/page_style.h"

namespace fibflow::pipeline {

// Colours mean the same as on the live page: blue foreground, green entropy, orange drift, violet time.
const std::string_view page_style = R"css(
:root {
  --ground: #f2f4f7; --card: #ffffff; --text: #16202b; --quiet: #536170; --line: #d9dfe6;
  --blue: #0b6fb8; --orange: #b45309; --green: #12804a; --violet: #7a3fc0; --red: #b91c1c; --amber: #8a5a00;
  --red-ground: #fde8e8; --green-ground: #e3f4ea; --hover: #16202b14;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1217; --card: #161d25; --text: #e9eef3; --quiet: #9dabb9; --line: #2a3541;
    --blue: #4cb8ff; --orange: #f5a65b; --green: #4ade8f; --violet: #c39bff; --red: #ff8a80; --amber: #ffc95c;
    --red-ground: #3d1517; --green-ground: #10301f; --hover: #e9eef31f;
    color-scheme: dark;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--ground); color: var(--text);
  font: 16px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums;
}
h1, h2, h3, p, dl, dd, figure, ul { margin: 0; padding: 0; }
h1 { font-size: 1.5rem; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; }
h3 { font-size: 0.95rem; margin-top: 0.9rem; }
header p, .note, .missing, footer { color: var(--quiet); font-size: 0.875rem; overflow-wrap: anywhere; }
.note { max-width: 60rem; margin-top: 0.4rem; }
.missing { font-style: italic; margin-top: 0.4rem; }
main { display: grid; gap: 0.9rem; grid-template-columns: minmax(0, 1fr); margin: 0.9rem 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.9rem 1.1rem; }
#verdict { border-width: 2px; }
#verdict h2 { font-size: 1.3rem; }
#verdict ul { padding-left: 1.2rem; }
#verdict li, #verdict p { overflow-wrap: anywhere; margin-top: 0.25rem; }
#verdict.doubtful { border-color: var(--red); background: var(--red-ground); }
#verdict.doubtful h2 { color: var(--red); }
#verdict.good { border-color: var(--green); background: var(--green-ground); }
#verdict.good h2 { color: var(--green); }
#figures { display: grid; gap: 0.9rem; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
#figures div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.6rem 0.9rem; }
#figures dt { color: var(--quiet); font-size: 0.875rem; font-weight: 600; }
#figures dd { font-size: 1.35rem; font-weight: 650; line-height: 1.25; }
#figures small { display: block; font-size: 0.8rem; font-weight: 500; color: var(--quiet); }
.montage { display: grid; gap: 0.5rem; grid-template-columns: repeat(5, minmax(0, 1fr)); margin-top: 0.4rem; }
.montage img { display: block; width: 100%; border-radius: 4px; border: 1px solid var(--line); }
.montage figcaption { font-size: 0.8rem; color: var(--quiet); margin-top: 0.15rem; }
.scroll { overflow-x: auto; margin-top: 0.7rem; }
table { border-collapse: collapse; font-size: 0.875rem; }
th, td { text-align: right; padding: 0.25rem 0.7rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--quiet); font-weight: 600; white-space: normal; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.bars { display: grid; gap: 0.25rem; margin-top: 0.4rem; max-width: 60rem; }
.bar { display: grid; gap: 0.7rem; grid-template-columns: 7.5rem minmax(3rem, 1fr) 5.5rem; align-items: center; font-size: 0.875rem; }
.bar .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bar .value { text-align: right; }
.bar svg { display: block; width: 100%; height: 0.9rem; border-radius: 3px; }
.bar .rail { fill: var(--line); opacity: 0.5; }
.charts { display: grid; gap: 1.1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); margin-top: 0.9rem; }
.chart figcaption { font-size: 0.875rem; display: flex; flex-wrap: wrap; gap: 0 0.9rem; }
.key { color: var(--quiet); }
.key::before { content: ""; display: inline-block; width: 0.9rem; height: 0.2rem; margin: 0 0.35rem 0.2rem 0; background: currentColor; }
.key.orange::before { background: var(--orange); } .key.violet::before { background: var(--violet); }
.key.amber::before { background: var(--amber); } .key.blue::before { background: var(--blue); }
.key.green::before { background: var(--green); }
.plot { position: relative; margin: 0.6rem 0.4rem 1.5rem 3.9rem; }
.plot svg { display: block; width: 100%; height: 11rem; overflow: visible; }
.plot .y span { position: absolute; right: 100%; margin-right: 0.45rem; transform: translateY(50%); font-size: 0.75rem; color: var(--quiet); white-space: nowrap; }
.plot .x span { position: absolute; top: 100%; margin-top: 0.15rem; transform: translateX(-50%); font-size: 0.75rem; color: var(--quiet); }
.grid, .curve, .event { vector-effect: non-scaling-stroke; }
.grid { stroke: var(--line); stroke-width: 1px; }
.curve { fill: none; stroke-width: 2px; stroke-linejoin: round; stroke-linecap: round; pointer-events: none; }
.curve.dots { stroke-width: 6px; }
.curve.orange { stroke: var(--orange); } .curve.violet { stroke: var(--violet); } .curve.amber { stroke: var(--amber); }
.curve.blue { stroke: var(--blue); } .curve.green { stroke: var(--green); }
rect.orange, .band.orange { fill: var(--orange); } rect.violet, .band.violet { fill: var(--violet); }
rect.amber, .band.amber { fill: var(--amber); } rect.blue, .band.blue { fill: var(--blue); }
rect.green, .band.green { fill: var(--green); }
.band { opacity: 0.28; }
.event { stroke: var(--quiet); stroke-width: 1.5px; stroke-dasharray: 4 3; }
.event.changed { stroke: var(--red); }
.hit { fill: transparent; } .hit:hover { fill: var(--hover); }
.plain { list-style: none; font-size: 0.875rem; }
.columns { columns: 2 24rem; column-gap: 2rem; }
.columns > div { break-inside: avoid; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.1rem 1rem; font-size: 0.875rem; margin-top: 0.2rem; }
.facts dt { color: var(--quiet); } .facts dd { overflow-wrap: anywhere; }
@media (max-width: 640px) {
  body { padding: 0.6rem; }
  section { padding: 0.7rem 0.75rem; }
  .montage { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .montage figure:first-child { grid-column: 1 / -1; }
  .bar { grid-template-columns: 5.5rem minmax(3rem, 1fr) 4.5rem; gap: 0.4rem; }
}
@media print {
  :root { --ground: #ffffff; }
  body { max-width: none; padding: 0; font-size: 12px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  section, figure, .bar, tr, .montage { break-inside: avoid; }
  #options, #drift, #comparison { break-inside: auto; }
}
)css";

}  // namespace fibflow::pipeline
