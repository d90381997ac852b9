"""The look of what the pages draw themselves. Colours come from the theme in force."""

import streamlit as st

from rag.ui.source_style import SOURCE_CSS

_CSS = """
<style>
.fk-answer p, .fk-answer ul { margin: 0 0 .65rem; line-height: 1.75; overflow-wrap: anywhere; }
.fk-answer ul { padding-left: 1.3rem; }
.fk-answer li { margin: 0 0 .25rem; padding: 0; font-size: 1rem; }
.fk-answer li.fk-numbered { list-style: none; margin-left: -1.1rem; }
.fk-chip {
  display: inline-block; min-width: 1.25em; padding: 0 .3em; margin: 0 .15em; text-align: center;
  font-size: .72em; line-height: 1.5; border-radius: .45em; vertical-align: .25em;
  border: 1px solid color-mix(in srgb, currentColor 25%, transparent);
  background: color-mix(in srgb, currentColor 7%, transparent); cursor: default;
}
.fk-draft .fk-answer > :last-child::after {
  content: ""; display: inline-block; width: .5em; height: 1em; margin-left: .2em;
  vertical-align: -.12em; border-radius: .1em;
  background: color-mix(in srgb, currentColor 55%, transparent);
}
.fk-working { opacity: .65; padding: .25rem 0; }
@media (prefers-reduced-motion: no-preference) {
  .fk-working { animation: fk-breathe 1.8s ease-in-out infinite; }
  @keyframes fk-breathe { 50% { opacity: .35; } }
}
.fk-note { font-size: .875rem; opacity: .72; line-height: 1.6; overflow-wrap: anywhere; }
.fk-intro { margin: 16vh 0 0; text-align: center; }
.st-key-suggestions { margin: 1rem 0 0; }
.st-key-suggestions [data-testid="stHtml"] { text-align: center; }
.fk-intro h1 { font-size: 1.7rem; font-weight: 600; padding: 0 0 .5rem; }
.fk-first h1 { font-size: 1.7rem; font-weight: 600; padding: 1.5rem 0 .5rem; }
.fk-step { display: flex; align-items: center; gap: .7rem; padding: .35rem 0; line-height: 1.6; }
.fk-step-sign {
  flex: none; width: 1.75rem; height: 1.75rem; border-radius: 50%; text-align: center;
  line-height: 1.75rem; font-size: .85rem;
  background: color-mix(in srgb, currentColor 9%, transparent);
}
.fk-step-state { font-size: .8rem; opacity: .7; }
.fk-step-now .fk-step-sign { background: #4a80b3; color: #fff; }
.fk-step-done .fk-step-sign { background: #3d9a5f; color: #fff; }
.fk-step-next > strong { font-weight: 400; opacity: .65; }
.fk-strip {
  display: flex; flex-wrap: wrap; gap: 0 1.6rem; justify-content: center; margin: 1.1rem 0 .2rem;
}
.fk-intro:has(.fk-strip) { margin-top: 8vh; }
@media (max-width: 640px) {
  .fk-intro:has(.fk-strip) { margin-top: 1rem; }
  .fk-strip { gap: 0 .9rem; font-size: .85rem; }
  .fk-strip .fk-step { gap: .4rem; }
  .fk-strip .fk-step-state { position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }
}
.fk-card-title { font-weight: 600; margin: 0 0 .35rem; }
.fk-source-head { font-weight: 600; overflow-wrap: anywhere; line-height: 1.5; }
.fk-passage {
  white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.85; font-size: .95rem;
  padding: 1rem 1.1rem; border-radius: .6rem; margin: .25rem 0 .5rem;
  border: 1px solid color-mix(in srgb, currentColor 14%, transparent);
  max-height: 58vh; overflow-y: auto;
}
/* Opens with the quote in view, in browsers that know this; in others one scrolls. */
mark.fk-quote, mark.fk-chunk:only-of-type { scroll-initial-target: nearest; scroll-margin: 4rem; }
.fk-passage .fk-around { opacity: .6; }
mark.fk-chunk, mark.fk-quote { color: inherit; border-radius: .15em; padding: .12em 0; }
mark.fk-chunk { background: rgba(226, 178, 54, .16); }
mark.fk-quote { background: rgba(226, 178, 54, .5); }
.fk-legend mark { padding: .05em .5em; margin-right: .75em; font-size: .8rem; }
dl.fk-facts.fk-facts {
  display: flex; flex-wrap: wrap; gap: .4rem 2.6rem; margin: .25rem 0 .75rem; padding: 0;
}
.fk-facts div { min-width: 5rem; }
.fk-facts dt, .fk-facts dd { padding: 0; }
.fk-facts dt { font-size: .8rem; opacity: .7; font-weight: 400; }
.fk-facts dd { font-size: 1.3rem; margin: 0; font-variant-numeric: tabular-nums; }
.fk-facts dd.fk-small { font-size: .95rem; line-height: 1.9; overflow-wrap: anywhere; }
.fk-folder { overflow-wrap: anywhere; line-height: 1.5; }
[class*="st-key-folder-row-"] {
  padding: .35rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent);
}
[class*="st-key-folder-row-"] [data-testid="stHtml"] { flex: 1 1 12rem; min-width: 0; }
.fk-last-sync { margin: 0 0 .5rem; line-height: 1.6; }
.fk-figures { font-variant-numeric: tabular-nums; }
.fk-item { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.fk-plan { font-size: 1.05rem; line-height: 1.6; font-variant-numeric: tabular-nums; }
.fk-names ul { margin: .2rem 0 .8rem; padding-left: 1.3rem; }
.fk-names li { margin: 0; padding: 0; font-size: .9rem; overflow-wrap: anywhere; }
.fk-page {
  margin: 1.2rem 0 .4rem; font-size: .85rem; font-weight: 600; opacity: .8;
  border-bottom: 1px solid color-mix(in srgb, currentColor 22%, transparent);
}
.fk-block {
  margin: .35rem 0; padding: .3rem 0 .3rem .8rem;
  border-left: 2px solid color-mix(in srgb, currentColor 14%, transparent);
}
.fk-block-label {
  display: flex; justify-content: space-between; gap: 1rem; font-size: .75rem; opacity: .6;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
.fk-block-text {
  white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.7; font-size: .93rem;
  tab-size: 4;
}
.fk-heading .fk-block-text { font-weight: 600; }
.fk-code .fk-block-text { font-family: var(--st-code-font, monospace); font-size: .85rem; }
dl.fk-feedback.fk-feedback {
  display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem; margin: 0; padding: 0;
}
.fk-feedback dt { font-size: .8rem; opacity: .7; font-weight: 400; padding: .1rem 0 0; }
.fk-feedback dd { margin: 0; padding: 0; line-height: 1.6; white-space: pre-wrap; }
.fk-feedback dd { overflow-wrap: anywhere; }
/* Streamlit's hint on how to send a form is English everywhere. */
[class*="st-key-feedback-"] [data-testid="InputInstructions"] { display: none; }
.fk-side { font-weight: 600; opacity: .6; margin: 0 0 .4rem; }
.fk-finding {
  margin: .3rem 0; padding: .45rem .8rem; line-height: 1.6; overflow-wrap: anywhere;
  border-left: 3px solid color-mix(in srgb, currentColor 30%, transparent);
  background: color-mix(in srgb, currentColor 4%, transparent); border-radius: .4rem;
}
.fk-finding.fk-block { border-left-color: #c9463d; background: rgba(201, 70, 61, .1); }
.fk-finding.fk-warn { border-left-color: #d39b22; background: rgba(211, 155, 34, .1); }
.fk-finding.fk-ok { border-left-color: #3d9a5f; background: rgba(61, 154, 95, .1); }
.fk-bar {
  display: grid; grid-template-columns: minmax(4rem, auto) 1fr 8rem; gap: .8rem;
  align-items: center; font-size: .9rem; line-height: 1.9; font-variant-numeric: tabular-nums;
}
.fk-bar-room { background: color-mix(in srgb, currentColor 8%, transparent); border-radius: .3rem; }
.fk-bar-room i {
  display: block; height: .75rem; border-radius: .3rem; background: #4a80b3;
}
ul.fk-stages.fk-stages {
  display: flex; flex-wrap: wrap; gap: .25rem 1.3rem; list-style: none; padding: 0;
  margin: .35rem 0 .5rem; font-size: .92rem;
}
.fk-stages li { margin: 0; padding: 0; white-space: nowrap; }
.fk-stages .fk-stage-pending { opacity: .55; }
.fk-stages .fk-stage-running { font-weight: 600; }
.fk-stages .fk-stage-done span:first-child { color: #3d9a5f; }
.fk-stages .fk-stage-broken span:first-child { color: #c9463d; font-weight: 700; }
.st-key-page-script { display: none; }
.fk-unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.fk-wide { overflow-x: auto; container-type: inline-size; }
table.fk-table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.fk-table th, .fk-table td {
  padding: .4rem .5rem; text-align: right; vertical-align: top; line-height: 1.5;
  border: 0; border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent);
}
.fk-table thead th {
  word-break: keep-all; font-size: .82rem; opacity: .75; font-weight: 500; vertical-align: bottom;
}
.fk-table th[scope=row] { font-weight: 400; }
.fk-table th:first-child { text-align: left; padding-left: 0; min-width: 8rem; }
.fk-table td:last-child { min-width: 12rem; padding-right: 0; }
@container (max-width: 520px) {
  .fk-table thead { display: none; }
  .fk-table tr {
    display: grid; grid-template-columns: repeat(3, 1fr); gap: 0 .8rem; padding: .5rem 0;
    border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent);
  }
  .fk-table th[scope=row] { grid-column: 1 / -1; font-weight: 600; }
  .fk-table tbody th, .fk-table tbody td {
    border: 0; padding: 0; text-align: left;
  }
  .fk-table td::before {
    content: attr(data-column); display: block; font-size: .75rem; opacity: .7;
  }
  .fk-table td:empty { display: none; }
  .fk-table td:last-child { min-width: 0; grid-column: 1 / -1; }
  .fk-table.fk-pair tr { grid-template-columns: 1fr 1fr; }
  .fk-table.fk-pair td:last-child { grid-column: auto; }
}
dl.fk-inspect { margin: 0; display: grid; gap: .35rem; }
dl.fk-inspect > div { display: grid; grid-template-columns: minmax(6rem, 9rem) 1fr; gap: .8rem; }
dl.fk-inspect dt { opacity: .7; font-size: .85rem; }
dl.fk-inspect dd { margin: 0; overflow-wrap: anywhere; }
.fk-verdict { display: block; }
.fk-verdict.fk-better { color: color-mix(in srgb, #3d9a5f 65%, currentColor); font-weight: 600; }
.fk-verdict.fk-worse { color: color-mix(in srgb, #c9463d 65%, currentColor); font-weight: 600; }
.fk-worst {
  padding: .7rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent);
}
.fk-worst-answers {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .5rem 1.3rem;
}
.st-key-conversations .stButton button { justify-content: flex-start; min-height: 2.1rem; }
.st-key-conversations .stButton button > div { width: 100%; }
.st-key-conversations .stButton button p {
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; text-align: left;
}
.st-key-conversations .stButton button div { min-width: 0; justify-content: flex-start; }
[class*="st-key-listed-"] { flex-wrap: nowrap; }
[class*="st-key-listed-"] > :first-child { flex: 1 1 0; min-width: 0; }
[class*="st-key-listed-"] > :last-child { flex: none; width: auto; min-width: 0; }
/* The menu beside a conversation shows its icon; its label is for those who listen. */
.st-key-conversations [data-testid="stMenuButtonButton"] { padding: 0 .35rem; opacity: .6; }
.st-key-conversations [data-testid="stMenuButtonButton"]:is(:hover, :focus-visible) { opacity: 1; }
.st-key-conversations [data-testid="stMenuButtonButton"] [data-testid="stMarkdownContainer"] {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
.st-key-conversations [data-testid="stMenuButtonButton"] > div > [aria-hidden]:last-child {
  display: none;
}
/* Streamlit's hint on how to apply a text is English everywhere. */
:is(.st-key-conversation-search, [class*="st-key-rename-"], [class*="st-key-edit-form-"])
  [data-testid="InputInstructions"] { display: none; }
/* Streamlit's own colours of these have less contrast than 4.5 to 1. */
[data-testid="stCaptionContainer"] { opacity: .74; }
button:is([data-selected="true"], [data-focused="true"]),
button:is([data-selected="true"], [data-focused="true"]) [data-testid="stMarkdownContainer"] {
  color: inherit !important;
}
.st-key-guard-enter { display: none; }
/* Streamlit's own sign of a running script: its "Stop" would end the page, not the answer. A line
   at the top says instead that a click has arrived; it spares fragments that are drawn at once. */
[data-testid="stStatusWidget"] { display: none; }
:is(.fk-pressed .stApp, .stApp[data-test-script-state="running"])::before {
  content: ""; position: fixed; inset: 0 0 auto 0; height: 3px; z-index: 1000000;
  pointer-events: none; background: linear-gradient(90deg, transparent, #4a80b3, transparent);
  background-size: 40% 100%; background-repeat: no-repeat;
  animation: fk-busy 1.2s .08s linear infinite backwards;
}
.fk-pressed .stApp::before { animation-delay: 0s; }
@keyframes fk-busy {
  from { background-position: -30% 0; } to { background-position: 170% 0; }
}
@media (prefers-reduced-motion: reduce) {
  :is(.fk-pressed .stApp, .stApp[data-test-script-state="running"])::before {
    animation: none; background: #4a80b3;
  }
}
</style>
"""


def draw_style() -> None:
    """Send the style sheet; it takes no room on the page."""
    st.html(_CSS)
    st.html(SOURCE_CSS)
