"""The look of the drawer with the source of an answer, and of the preview of a quote."""

SOURCE_CSS = """
<style>
/* The preview is placed by the answer, not by its chip, so that it never leaves the column. It lets
   clicks through: what it covers is the buttons of the sources. */
.fk-answer { position: relative; }
.fk-chip[tabindex] { cursor: help; }
.fk-chip[tabindex]:focus-visible { outline: 2px solid currentColor; outline-offset: 1px; }
.fk-preview {
  visibility: hidden; pointer-events: none; position: absolute; left: 0; z-index: 20;
  width: max-content; max-width: min(34rem, 100%); margin-top: 1.7em; padding: .6rem .8rem;
  text-align: left; font-size: .9rem; line-height: 1.6; white-space: normal;
  overflow-wrap: anywhere;
  border-radius: .5rem; color: var(--st-text-color, CanvasText);
  background: var(--st-secondary-background-color, Canvas);
  border: 1px solid color-mix(in srgb, currentColor 22%, transparent);
  box-shadow: 0 .3rem 1.2rem rgba(0, 0, 0, .18);
}
.fk-preview b { display: block; font-size: .8rem; font-weight: 600; opacity: .75; }
.fk-chip:hover .fk-preview, .fk-chip:focus .fk-preview { visibility: visible; }
/* As high as leaves the buttons in view: the drawer would scroll with the page otherwise. */
.fk-sheet {
  max-height: max(18rem, calc(100vh - 27rem)); overflow: auto;
  border-radius: .4rem; background: #fff;
  border: 1px solid color-mix(in srgb, currentColor 18%, transparent);
}
.fk-sheet > div { position: relative; }
.fk-sheet img { display: block; width: 100%; height: auto; }
.fk-sheet i { position: absolute; mix-blend-mode: multiply; border-radius: 2px; }
.fk-sheet i.fk-quote { background: rgba(255, 214, 64, .6); }
.fk-sheet i.fk-chunk { background: rgba(255, 226, 130, .35); }
/* Opens here, above the first mark, in browsers that know this; in others one scrolls. */
.fk-sheet i.fk-begin { scroll-initial-target: nearest; width: 1px; height: 1px; }
.fk-cited { overflow-x: auto; max-height: 58vh; margin: .25rem 0 .5rem; }
.fk-cited table { border-collapse: collapse; font-size: .93rem; }
.fk-cited th, .fk-cited td {
  padding: .35rem .6rem; text-align: left; vertical-align: top; line-height: 1.6;
  white-space: pre-wrap; overflow-wrap: anywhere; min-width: 4rem; max-width: 22rem;
  border: 1px solid color-mix(in srgb, currentColor 16%, transparent);
}
.fk-cited th { font-weight: 600; background: color-mix(in srgb, currentColor 6%, transparent); }
/* The button that copies the quote is otherwise seen under the pointer alone. */
.st-key-source-quote [data-testid="stCode"] > pre + div { visibility: visible; opacity: 1; }
.st-key-source-quote [data-testid="stCode"] > pre { padding-right: 3.5rem; }  /* its button */
</style>
"""
