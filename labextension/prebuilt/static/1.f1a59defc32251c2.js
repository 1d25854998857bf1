"use strict";(self.rspackChunkjupyter_chariots=self.rspackChunkjupyter_chariots||[]).push([[1],{26(o,r,i){var t=i(27),e=i.n(t),a=i(28),n=i.n(a),p=i(29),l=i(30),s=i(31),c=i(32),h=i(33),d=n()(e());d.i(p.A),d.i(l.A),d.i(s.A),d.i(c.A),d.i(h.A),d.push([o.id,`
`,""]),i.d(r,{},{A:d})},32(o,r,i){var t=i(27),e=i.n(t),a=i(28),n=(i.n(a))()(e());n.push([o.id,`/* How the components sit in JupyterLab's own widgets, and wear its icons. */

/* icons are JupyterLab's, in a box of our own */
.ch-i > svg {
  display: block;
  width: 100%;
  height: 100%;
}

.ch-i.is-round {
  padding: 2px;
}

.ch-i.ch-ok [fill]:not([fill='none']) {
  fill: var(--jp-success-color1);
}

.ch-i.ch-bad [fill]:not([fill='none']) {
  fill: var(--jp-error-color1);
}

.ch-i.ch-warn [fill]:not([fill='none']) {
  fill: var(--jp-warn-color0);
}

.ch-i.ch-brand [fill]:not([fill='none']) {
  fill: var(--jp-brand-color1);
}

.ch-btn.is-filled .ch-i [fill]:not([fill='none']) {
  fill: var(--jp-ui-inverse-font-color1);
}

.ch-btn.is-filled .ch-i [stroke] {
  stroke: var(--jp-ui-inverse-font-color1);
}

.ch-btn.is-link {
  color: var(--jp-content-link-color);
}

.ch-ring {
  border: 2px solid color-mix(in srgb, var(--jp-brand-color1) 28%, transparent);
  border-top-color: var(--jp-brand-color1);
  border-radius: 50%;
  width: 12px;
  height: 12px;
  flex-basis: 12px;
  margin: 0 2px;
}

@media (prefers-reduced-motion: reduce) {
  .ch-ring {
    border-color: var(--jp-brand-color1);
  }

  .ch-spin {
    animation: none;
  }
}

button.ch-link {
  appearance: none;
  border: 0;
  background: none;
  font: inherit;
  padding: 0 2px;
  cursor: pointer;
}

button.ch-link:hover {
  text-decoration: underline;
}

button.ch-link:focus-visible,
.jp-Chariots-jobbox:focus-visible {
  outline: var(--jp-focus-outline-width) solid var(--jp-focus-outline-color);
  outline-offset: -2px;
}

/* the side panel */
/* the shell gives 250 px at least to whatever is in its side areas; without any, they may open at
   less than can be read, for the contents give a size container no width */
#jupyter-chariots.jp-SidePanel.jp-Chariots {
  min-width: 240px;
}

.jp-Chariots > .jp-SidePanel-header {
  display: block;
  padding: 0;
  border: 0;
  letter-spacing: 0;
  text-transform: none;
  font-size: var(--jp-ui-font-size1);
  font-weight: 400;
  overflow: visible;
}

.jp-Chariots > .jp-SidePanel-toolbar {
  display: none;
}

.jp-Chariots-section {
  display: flex;
  flex-direction: column;
  min-height: 60px;
  overflow: hidden;
}

.jp-Chariots-part {
  display: flex;
  flex: 1 1 auto;
  flex-direction: column;
  min-height: 0;
  overflow: hidden;
}

.jp-Chariots-head {
  overflow: visible;
}

.jp-Chariots .jp-AccordionPanel-title {
  height: 30px;
  font-weight: 600;
}

.jp-Chariots .lm-AccordionPanel-titleLabel[data-count]::after {
  content: attr(data-count);
  margin-left: 6px;
  font-weight: 400;
  text-transform: none;
  color: var(--jp-ui-font-color2);
  font-variant-numeric: tabular-nums;
}

.jp-Chariots-list {
  overflow: hidden auto;
  scrollbar-width: thin;
}

.jp-Chariots-list:focus-within .jp-Chariots-row.is-current,
.jp-Chariots-list:focus-within .jp-Chariots-jobbox.is-current {
  background: var(--jp-layout-color2);
}

.jp-Chariots-list:focus-within .is-current:is(.jp-Chariots-row, .jp-Chariots-jobbox)::before {
  content: '';
  position: absolute;
  left: 0;
  top: 0;
  bottom: 0;
  width: 3px;
  background: var(--jp-brand-color1);
  z-index: 1;
}

.jp-Chariots-row:is(:hover, :focus-within) > :is(.ch-pill, .ch-ver),
.jp-Chariots-jobbox:is(:hover, :focus-within) .ch-pill {
  visibility: hidden;
}

.jp-Chariots-row:is(:hover, :focus-within) > .jp-Chariots-actions,
.jp-Chariots-jobbox:is(:hover, :focus-within) .jp-Chariots-actions {
  opacity: 1;
}

.jp-Chariots-jobbox:is(:hover, :focus-within) :is(.jp-Chariots-row, .jp-Chariots-jobline) {
  background: var(--jp-layout-color2);
  color: var(--jp-ui-font-color1);
}

.jp-Chariots-row:is(:hover, :focus-within) :is(.ch-mute, .ch-dim),
.jp-Chariots-jobbox:is(:hover, :focus-within) .ch-mute {
  color: var(--jp-ui-font-color1);
}

.jp-Chariots-actions .ch-btn.is-caret {
  min-width: 14px;
  width: 14px;
  padding: 0;
}

.jp-Chariots-actions .ch-btn.is-caret .ch-i {
  width: 14px;
  flex-basis: 14px;
}

.jp-Chariots-linkcell,
.ch-linkcell {
  flex: 0 0 auto;
}

.jp-Chariots-filters .ch-btn[aria-checked='true'],
.ch-seg .ch-btn[aria-checked='true'] {
  background: var(--jp-layout-color2);
  color: var(--jp-ui-font-color0);
}

.jp-Chariots-filters .ch-btn[aria-checked='true'] .ch-n {
  color: var(--jp-ui-font-color1);
}

.jp-Chariots-search input {
  flex: 1;
  min-width: 0;
  border: 0;
  outline: 0;
  padding: 0;
  background: transparent;
  color: var(--jp-ui-font-color1);
  font: inherit;
}

.jp-Chariots-search input::placeholder {
  color: var(--jp-ui-font-color2);
  opacity: 1;
}

.jp-Chariots-search > span:focus-within {
  border-color: var(--jp-brand-color1);
  box-shadow: inset 0 0 0 1px var(--jp-brand-color1);
}

.jp-Chariots-waiting {
  padding: 6px 12px;
}

.jp-Chariots-waiting > span {
  display: block;
  height: 12px;
  margin: 8px 0;
  border-radius: var(--jp-border-radius);
  background: var(--jp-layout-color2);
}

.jp-Chariots-waiting > span:nth-child(2) {
  width: 70%;
}

.jp-Chariots-live {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

.ch-progress.is-unknown > i {
  width: 100%;
  background: repeating-linear-gradient(
    -45deg,
    var(--jp-brand-color1) 0 4px,
    transparent 4px 8px
  );
}

.jp-ChariotsMenu.is-floating {
  z-index: 10001;
  overflow: hidden auto;
}

.jp-ChariotsMenu-item {
  cursor: default;
}

.jp-ChariotsMenu-item:hover:not([aria-disabled='true']),
.jp-ChariotsMenu-item:focus {
  background: var(--jp-layout-color2);
  outline: 0;
}

.jp-ChariotsMenu-item:is(:hover, :focus) :is(.ch-sub, .ch-key) {
  color: var(--jp-ui-font-color1);
}

.jp-ChariotsMenu-item:focus-visible {
  outline: var(--jp-focus-outline-width) solid var(--jp-focus-outline-color);
  outline-offset: -2px;
}

@container (max-width: 269px) {
  .jp-Chariots-row > .ch-ver:not(.is-loaded),
  .jp-Chariots-row[data-state='loaded'] > .ch-pill {
    display: none;
  }
}

/* status bar, notebook toolbar, dialogs */
.jp-Chariots-statusbutton {
  appearance: none;
  border: 0;
  background: transparent;
  color: var(--jp-ui-font-color1);
  font: inherit;
  display: flex;
  align-items: center;
  gap: 5px;
  height: 24px;
  padding: 0 4px;
  cursor: pointer;
}

.jp-Chariots-statusbutton:hover {
  background: var(--jp-layout-color3);
}

.jp-Chariots-statusbutton:focus-visible {
  outline: var(--jp-focus-outline-width) solid var(--jp-focus-outline-color);
  outline-offset: -2px;
}

.jp-Chariots-serve .is-busy svg {
  animation: ch-spin 1.2s linear infinite;
}

.jp-Chariots-failure pre {
  max-width: 70vw;
  max-height: 40vh;
  overflow: auto;
  white-space: pre-wrap;
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
  background: var(--jp-layout-color2);
  padding: 6px 8px;
}

.jp-Chariots-checklist label {
  display: block;
  line-height: 24px;
}

.jp-Chariots-empty code {
  overflow-wrap: anywhere;
}

/* the panel in the output of a cell */
.jp-ChariotsCell {
  overflow: hidden;
  padding: 4px 0;
}

.jp-ChariotsCell > .jp-Chariots {
  height: auto;
  max-width: 720px;
  border: var(--jp-border-width) solid var(--jp-border-color2);
  border-radius: var(--jp-border-radius);
}

.jp-ChariotsCell-head {
  height: 32px;
  display: flex;
  align-items: center;
  gap: 6px;
  padding: 0 4px 0 8px;
  border-bottom: var(--jp-border-width) solid var(--jp-toolbar-border-color);
}

.jp-ChariotsCell-head b {
  font-weight: 600;
}

.jp-ChariotsCell .jp-Chariots-list {
  flex: 0 0 auto;
  max-height: 360px;
}

.jp-ChariotsCell .jp-Chariots-title {
  padding: 2px 8px;
  border-top: var(--jp-border-width) solid var(--jp-border-color2);
  box-shadow: none;
}

.jp-ChariotsCell .ch-call {
  padding: 8px;
  border-top: var(--jp-border-width) solid var(--jp-border-color2);
}

.jp-Chariots-serve .jp-ToolbarButtonComponent-label {
  margin-left: 4px;
}
`,""]),i.d(r,{},{A:n})},30(o,r,i){var t=i(27),e=i.n(t),a=i(28),n=(i.n(a))()(e());n.push([o.id,`/* The side panel, and menus of versions. */

.jp-Chariots {
  container-type: inline-size;
  min-width: 0;
  display: flex;
  flex-direction: column;
  height: 100%;
  overflow: hidden;
}

.jp-Chariots-toolbar {
  height: 32px;
  flex: 0 0 32px;
  display: flex;
  align-items: center;
  padding: 0 4px;
  border-bottom: var(--jp-border-width) solid var(--jp-toolbar-border-color);
}

.ch-spacer {
  flex: 1 1 auto;
  min-width: 0;
}

.jp-Chariots-banner {
  flex: 0 0 auto;
  padding: 6px 8px;
  display: grid;
  grid-template-columns: 16px 1fr;
  column-gap: 8px;
  row-gap: 4px;
  line-height: 17px;
  background: var(--jp-layout-color2);
  border-bottom: var(--jp-border-width) solid var(--jp-border-color1);
  box-shadow: inset 3px 0 0 var(--jp-warn-color0);
}

.jp-Chariots-banner.is-bad {
  box-shadow: inset 3px 0 0 var(--jp-error-color1);
}

.jp-Chariots-banner b {
  font-weight: 600;
}

.jp-Chariots-banner .ch-acts {
  grid-column: 2;
  display: flex;
  gap: 4px;
  flex-wrap: wrap;
  margin-left: -8px;
}

.jp-Chariots-banner .ch-btn {
  color: var(--jp-content-link-color);
  padding: 0 8px;
}

.jp-Chariots-banner .ch-btn:hover {
  background: var(--jp-layout-color3);
}

.jp-Chariots-title {
  flex: 0 0 30px;
  height: 30px;
  margin: 0;
  padding: 2px;
  display: flex;
  align-items: center;
  font-size: var(--jp-ui-font-size0);
  font-weight: 600;
  text-transform: uppercase;
  border-bottom: var(--jp-border-width) solid var(--jp-toolbar-border-color);
  box-shadow: var(--jp-toolbar-box-shadow);
  z-index: 1;
  background: var(--jp-layout-color1);
}

.jp-Chariots-title .ch-count {
  margin-left: 6px;
  font-weight: 400;
  color: var(--jp-ui-font-color2);
  text-transform: none;
  font-variant-numeric: tabular-nums;
}

.jp-Chariots-title .ch-spacer + .ch-btn {
  margin-left: auto;
}

.jp-Chariots-filters {
  flex: 0 0 30px;
  height: 30px;
  display: flex;
  align-items: center;
  gap: 1px;
  padding: 0 4px;
  border-bottom: var(--jp-border-width) solid var(--jp-border-color2);
  font-size: var(--jp-ui-font-size0);
}

.jp-Chariots-filters .ch-btn {
  height: 22px;
  padding: 0 6px;
  min-width: 0;
}

.jp-Chariots-filters .ch-n {
  color: var(--jp-ui-font-color2);
  font-variant-numeric: tabular-nums;
}

.jp-Chariots-search {
  flex: 0 0 32px;
  height: 32px;
  padding: 4px;
  border-bottom: var(--jp-border-width) solid var(--jp-border-color2);
  display: flex;
}

.jp-Chariots-search > span {
  flex: 1;
  height: 24px;
  display: flex;
  align-items: center;
  gap: 4px;
  padding: 0 6px;
  background: var(--jp-input-background);
  border: var(--jp-border-width) solid var(--jp-border-color1);
  border-radius: var(--jp-border-radius);
  color: var(--jp-ui-font-color1);
}

.jp-Chariots-list {
  flex: 1 1 auto;
  overflow: hidden;
  position: relative;
  min-height: 0;
  padding: 2px 0;
}

.jp-Chariots-row {
  position: relative;
  height: 24px;
  line-height: 24px;
  display: flex;
  align-items: center;
  gap: 4px;
  padding: 0 8px 0 4px;
  white-space: nowrap;
  cursor: default;
}

.jp-Chariots-row:hover,
.jp-Chariots-row.is-hover,
.jp-Chariots-row.is-active {
  background: var(--jp-layout-color2);
}

.jp-Chariots-row:hover :is(.ch-mute, .ch-ver, .ch-dim),
.jp-Chariots-row.is-active :is(.ch-mute, .ch-dim) {
  color: var(--jp-ui-font-color1);
}

.jp-Chariots-row.is-active::before {
  content: '';
  position: absolute;
  left: 0;
  top: 0;
  bottom: 0;
  width: 3px;
  background: var(--jp-brand-color1);
}

.jp-Chariots-row .ch-name {
  flex: 1 1 auto;
}

.jp-Chariots-row .ch-ver {
  flex: 0 0 auto;
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
  font-variant-numeric: tabular-nums;
}

.jp-Chariots-row.is-sub {
  padding-left: 40px;
  color: var(--jp-ui-font-color1);
  font-size: 12px;
}

.jp-Chariots-row.is-sub .ch-i {
  width: 14px;
  height: 14px;
  flex-basis: 14px;
}

.jp-Chariots-row.is-sub .ch-dim {
  color: var(--jp-ui-font-color2);
}

.jp-Chariots-row.is-sub::after {
  content: '';
  position: absolute;
  left: 28px;
  top: 0;
  bottom: 0;
  width: 1px;
  background: var(--jp-border-color2);
}

.jp-Chariots-actions {
  position: absolute;
  right: 4px;
  top: 2px;
  height: 20px;

  /* 2 px free above and below, so that the row's focus ring stays whole */
  display: flex;
  align-items: center;
  padding-left: 12px;
  opacity: 0;
  background: linear-gradient(90deg, transparent, var(--jp-layout-color2) 12px);
}

.jp-Chariots-row:hover > .jp-Chariots-actions,
.jp-Chariots-row:focus-within > .jp-Chariots-actions,
.jp-Chariots-row.is-hover > .jp-Chariots-actions,
.jp-Chariots-row.is-active > .jp-Chariots-actions {
  opacity: 1;
}

.jp-Chariots-row:hover > .ch-pill,
.jp-Chariots-row:hover > .ch-ver,
.jp-Chariots-row.is-hover:has(> .jp-Chariots-actions) > :is(.ch-pill, .ch-ver),
.jp-Chariots-row.is-active:has(> .jp-Chariots-actions) > :is(.ch-pill, .ch-ver) {
  visibility: hidden;
}

.jp-Chariots-actions .ch-btn {
  height: 20px;
  min-width: 22px;
  padding: 0 3px;
}

.jp-Chariots-actions .ch-btn:hover,
.jp-Chariots-actions .ch-btn.is-hover {
  background: var(--jp-layout-color3);
}

.jp-Chariots-actions .ch-btn.has-menu {
  gap: 0;
  padding-right: 0;
}

.jp-Chariots-actions .ch-btn.has-menu .ch-i + .ch-i {
  width: 12px;
  flex-basis: 12px;
}

.jp-Chariots-job {
  padding-left: 8px;
}

.jp-Chariots-jobline {
  height: 24px;
  line-height: 20px;
  display: flex;
  gap: 4px;
  padding: 0 8px 0 28px;
  position: relative;
  font-size: 12px;
  color: var(--jp-ui-font-color2);
  white-space: nowrap;
}

.jp-Chariots-jobline .ch-name {
  flex: 1;
}

.ch-progress {
  position: absolute;
  left: 28px;
  right: 8px;
  bottom: 3px;
  height: 3px;
  background: var(--jp-layout-color3);
  border-radius: 1.5px;
  overflow: hidden;
}

.ch-progress > i {
  display: block;
  height: 100%;
  background: var(--jp-brand-color1);
}

.jp-Chariots-empty {
  padding: 12px 16px;
  text-align: center;
  color: var(--jp-ui-font-color2);
  line-height: 18px;
}

.jp-Chariots-empty h3 {
  font-size: var(--jp-ui-font-size1);
  font-weight: 600;
  margin: 4px 0 6px;
  color: var(--jp-ui-font-color1);
}

.jp-Chariots-empty p {
  margin: 0 0 8px;
}

.jp-Chariots-empty code {
  font-family: var(--jp-code-font-family);
  font-size: 12px;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color2);
  padding: 1px 4px;
  border-radius: var(--jp-border-radius);
}

.jp-Chariots.is-stale .jp-Chariots-list .ch-i {
  opacity: .5;
}

/* the words keep their contrast */

.ch-wide {
  display: initial;
}

.ch-narrow {
  display: none;
}

@container (max-width: 269px) {
  .ch-wide {
    display: none !important;
  }

  .ch-narrow {
    display: initial;
  }

  .jp-Chariots-row.is-sub {
    padding-left: 32px;
  }

  .jp-Chariots-row.is-sub::after {
    left: 24px;
  }

  .jp-Chariots-filters .ch-btn {
    padding: 0 5px;
  }
}

/* menus and pickers: a Lumino menu in size and shade */

.jp-ChariotsMenu {
  box-sizing: border-box;
  font-family: var(--jp-ui-font-family);
  background: var(--jp-layout-color0);
  color: var(--jp-ui-font-color1);
  border: var(--jp-border-width) solid var(--jp-border-color1);
  box-shadow: var(--jp-elevation-z6);
  font-size: var(--jp-ui-font-size1);
  padding: 4px 0;
}

.jp-ChariotsMenu-item {
  min-height: 24px;
  padding: 0 10px 0 6px;
  display: grid;
  grid-template-columns: 18px 1fr auto;
  align-items: center;
  column-gap: 4px;
  line-height: 18px;
}

.jp-ChariotsMenu-item:has(.ch-sub),
.ch-opt:has(.ch-sub) {
  padding-top: 3px;
}

.jp-ChariotsMenu-item.is-active {
  background: var(--jp-layout-color2);
}

.jp-ChariotsMenu-item .ch-sub {
  grid-column: 2 / 4;
  font-size: var(--jp-ui-font-size0);
  color: var(--jp-ui-font-color2);
  margin-top: -2px;
  padding-bottom: 4px;
  white-space: normal;
  line-height: 14px;
}

.jp-ChariotsMenu-item[aria-disabled="true"] > :not(.ch-sub) {
  opacity: .5;
}

.jp-ChariotsMenu-item .ch-key {
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
}

.jp-ChariotsMenu-head {
  padding: 2px 10px 4px 28px;
  font-size: var(--jp-ui-font-size0);
  color: var(--jp-ui-font-color2);
}

.jp-ChariotsMenu-sep {
  border-top: var(--jp-border-width) solid var(--jp-layout-color2);
  margin: 4px 0;
}
`,""]),i.d(r,{},{A:n})},29(o,r,i){var t=i(27),e=i.n(t),a=i(28),n=(i.n(a))()(e());n.push([o.id,`/* Colours, type and lines come from JupyterLab's own properties only. */

.jp-Chariots,
.jp-ChariotsView {
  box-sizing: border-box;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color1);
  font-family: var(--jp-ui-font-family);
  font-size: var(--jp-ui-font-size1);
  --chariots-row: 24px;
}

.jp-Chariots *,
.jp-ChariotsView * {
  box-sizing: border-box;
}

.ch-i {
  width: 16px;
  height: 16px;
  flex: 0 0 16px;
  display: block;
  fill: none;
  stroke: currentColor;
  stroke-width: 1.5;
  stroke-linecap: round;
  stroke-linejoin: round;
  color: var(--jp-inverse-layout-color3);
}

.ch-ok {
  color: var(--jp-success-color1);
}

.ch-bad {
  color: var(--jp-error-color1);
}

.ch-warn {
  color: var(--jp-warn-color0);
}

.ch-brand {
  color: var(--jp-brand-color1);
}

.ch-mute {
  color: var(--jp-ui-font-color2);
}

.ch-mono {
  font-family: var(--jp-code-font-family);
  font-size: .92em;
  font-variant-numeric: tabular-nums;
}

.ch-num {
  font-variant-numeric: tabular-nums;
  text-align: right;
}

.ch-t {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
  min-width: 0;
}

.ch-btn {
  appearance: none;
  border: 0;
  background: transparent;
  color: var(--jp-ui-font-color1);
  font: inherit;
  height: 24px;
  min-width: 24px;
  padding: 0 4px;
  border-radius: var(--jp-border-radius);
  display: inline-flex;
  align-items: center;
  justify-content: center;
  gap: 4px;
  flex: 0 0 auto;
  cursor: pointer;
  white-space: nowrap;
}

.ch-btn:hover,
.ch-btn.is-hover {
  background: var(--jp-layout-color2);
}

.ch-btn[aria-pressed="true"],
.ch-btn[aria-selected="true"] {
  background: var(--jp-layout-color2);
  color: var(--jp-ui-font-color0);
}

.ch-btn[disabled],
.ch-btn[aria-disabled="true"] {
  opacity: .4;
  cursor: default;
}

.ch-btn .ch-i {
  color: var(--jp-inverse-layout-color3);
}

.ch-btn.is-filled {
  background: var(--jp-brand-color1);
  color: var(--jp-ui-inverse-font-color1);
  padding: 0 10px;
}

.ch-btn.is-filled .ch-i {
  color: inherit;
}

.ch-btn.is-outline {
  border: var(--jp-border-width) solid var(--jp-border-color1);
  padding: 0 8px;
}

.ch-focus,
.ch-btn:focus-visible,
.jp-Chariots-row:focus-visible {
  outline: var(--jp-focus-outline-width) solid var(--jp-focus-outline-color);
  outline-offset: -2px;
}

.ch-caret {
  width: 16px;
  flex: 0 0 16px;
}

.ch-pill {
  font-size: var(--jp-ui-font-size0);
  line-height: 16px;
  height: 18px;
  padding: 0 5px;
  border: var(--jp-border-width) solid var(--jp-border-color1);
  border-radius: 9px;
  white-space: nowrap;
  flex: 0 0 auto;
  color: var(--jp-ui-font-color1);
}

.ch-pill.is-quiet {
  border-color: transparent;
  color: var(--jp-ui-font-color2);
  padding-right: 0;
}

.ch-pill.is-bad {
  border-color: var(--jp-error-color1);
}

.ch-pill.is-warn {
  border-color: var(--jp-warn-color0);
}

.ch-pill.is-brand {
  border-color: var(--jp-brand-color1);
}

@keyframes ch-spin {
  to {
    transform: rotate(360deg);
  }
}

.ch-spin {
  animation: ch-spin 1.2s linear infinite;
  transform-origin: 50% 50%;
}

@media (prefers-reduced-motion: reduce) {
  .ch-spin {
    animation: none;
  }
}
`,""]),i.d(r,{},{A:n})},33(o,r,i){var t=i(27),e=i.n(t),a=i(28),n=(i.n(a))()(e());n.push([o.id,`/* What the main-area view has beyond the mock: scrolling, forms, the log. */

.jp-ChariotsViewWidget {
  overflow: hidden;
}

.jp-ChariotsView {
  container-type: inline-size;
  position: relative;
}

.jp-ChariotsView-tabs > button {
  appearance: none;
  border: 0;
  border-bottom: 2px solid transparent;
  background: transparent;
  font: inherit;
  cursor: pointer;
}

.jp-ChariotsView-tabs > button:hover {
  color: var(--jp-ui-font-color0);
}

.jp-ChariotsView :is(button, summary, input, textarea, [tabindex]):focus-visible {
  outline: var(--jp-focus-outline-width) solid var(--jp-focus-outline-color);
  outline-offset: -2px;
}

.jp-ChariotsView-main {
  overflow: auto;
}

.jp-ChariotsView-side {
  overflow: hidden auto;
}

.jp-ChariotsView .ch-bar,
.jp-ChariotsCell .ch-bar {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 8px;
  margin-bottom: 8px;
  min-height: 24px;
}

.jp-ChariotsView .ch-traffic,
.jp-ChariotsView .ch-small {
  font-size: 12px;
}

.jp-ChariotsView p {
  margin: 0;
}

.jp-ChariotsView-toolbar .ch-sep {
  flex: 0 0 1px;
}

.ch-graphbox {
  position: relative;
  margin-bottom: 12px;
}

.ch-graphscroll {
  overflow: auto;
  max-height: 60vh;
}

.ch-graph {
  width: auto;
}

.ch-graph .g-node:not(.is-io) {
  cursor: pointer;
}

.ch-graph .g-node:focus {
  outline: none;
}

.ch-graph .g-node:focus-visible rect.g-box {
  stroke: var(--jp-focus-outline-color);
  stroke-width: 2;
}

.ch-graph .g-node:hover rect.g-box {
  fill: var(--jp-layout-color2);
}

.ch-graph .g-st {
  overflow: visible;
  stroke-linecap: round;
  stroke-linejoin: round;
}

.ch-zoom {
  position: absolute;
  right: 4px;
  bottom: 4px;
  display: flex;
  background: var(--jp-layout-color1);
  border: var(--jp-border-width) solid var(--jp-border-color2);
  border-radius: var(--jp-border-radius);
}

.ch-msg .is-in,
.ch-msg ul,
.ch-msg .ch-steps {
  padding-left: 24px;
}

.ch-msg .ch-acts {
  display: flex;
  align-items: center;
  gap: 12px;
  margin-top: 6px;
}

.ch-msg label,
.ch-call label:not(.ch-h) {
  display: inline-flex;
  align-items: center;
  gap: 4px;
}

.jp-ChariotsView :is(input[type='checkbox']) {
  accent-color: var(--jp-brand-color1);
}

.ch-msg pre,
.ch-call pre {
  margin: 6px 0;
  max-height: 320px;
  overflow: auto;
  white-space: pre-wrap;
  font-family: var(--jp-code-font-family);
  font-size: 12px;
  line-height: 17px;
}

.ch-choose {
  padding: 8px 10px;
}

.ch-choose .ch-h .ch-btn {
  font-weight: 400;
  text-transform: none;
}

.ch-picker {
  position: relative;
  display: grid;
  grid-template-columns: 86px 1fr;
  align-items: center;
  gap: 4px;
  padding: 2px 0;
}

button.ch-select {
  appearance: none;
  width: 100%;
  color: var(--jp-ui-font-color1);
  font: inherit;
  text-align: left;
  cursor: pointer;
}

.ch-options {
  position: absolute;
  z-index: 5;
  left: 0;
  right: 0;
  top: 100%;
  max-height: 320px;
  overflow: hidden auto;
  padding: 2px 0;
}

.ch-opt:hover {
  background: var(--jp-layout-color2);
}

.ch-opt:hover :is(.ch-mute, .ch-sub) {
  color: var(--jp-ui-font-color1);
}

.ch-verdict {
  display: grid;
  grid-template-columns: 16px 1fr;
  gap: 2px 6px;
  padding: 8px 0;
  line-height: 17px;
}

.ch-choose > .ch-acts,
.ch-facts > .ch-acts {
  display: flex;
  flex-wrap: wrap;
  gap: 6px;
}

.ch-facts {
  padding: 6px 10px 10px;
}

.ch-facts dl {
  display: grid;
  grid-template-columns: 86px 1fr;
  margin: 0 0 4px;
  font-size: 12px;
  line-height: 20px;
}

.ch-facts dd {
  margin: 0;
}

.ch-oplist .jp-Chariots-row {
  padding-left: 10px;
}

.ch-oplist {
  overflow: hidden auto;
}

.ch-tbl th > button {
  appearance: none;
  border: 0;
  background: none;
  padding: 0;
  font: inherit;
  color: inherit;
  cursor: pointer;
}

.ch-tbl.is-history {
  table-layout: auto;
}

.ch-tbl thead th {
  position: sticky;
  top: -10px;
  z-index: 1;
}

.ch-tbl .is-ab {
  width: 48px;
}

.ch-tbl .is-wide {
  width: 45%;
}

.ch-tbl tbody tr:hover td {
  background: var(--jp-layout-color2);
}

button.ch-ab {
  appearance: none;
  background: transparent;
  padding: 0;
  margin-right: 4px;
  font-family: inherit;
  cursor: pointer;
}

button.ch-ab.on {
  background: var(--jp-brand-color1);
}

.ch-hidden {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
}

.ch-differences {
  margin-top: 16px;
}

.ch-columns {
  display: grid;
  grid-template-columns: minmax(0, 2fr) minmax(0, 3fr);
  gap: 16px;
}

.ch-diff {
  overflow: auto;
  max-height: 420px;
}

.ch-diff .ch-src {
  overflow: visible;
}

.ch-diff > div {
  min-width: max-content;
}

.ch-lineage {
  list-style: none;
  margin: 0;
  padding: 0;
}

.ch-lineage li {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 6px;
  padding: 4px 0;
}

.ch-box {
  padding: 2px 8px;
  border: var(--jp-border-width) solid var(--jp-border-color1);
  border-radius: var(--jp-border-radius);
}

.ch-box.is-stateless {
  border-style: dashed;
}

.ch-box.is-own {
  border-color: var(--jp-brand-color1);
}

.ch-lanes {
  display: block;
  width: 100%;
  max-width: 1100px;
  margin-bottom: 12px;
}

.ch-lanes .l-lane {
  cursor: pointer;
}

.ch-input {
  box-sizing: border-box;
  border: var(--jp-border-width) solid var(--jp-border-color1);
  border-radius: var(--jp-border-radius);
  background: var(--jp-input-background);
  color: var(--jp-ui-font-color1);
  color-scheme: light dark;
  font-family: inherit;
  font-size: inherit;
  height: 24px;
  padding: 0 6px;
}

[data-jp-theme-light='true'] .ch-input {
  color-scheme: light;
}

[data-jp-theme-light='false'] .ch-input {
  color-scheme: dark;
}

textarea.ch-input {
  width: 100%;
  height: auto;
  padding: 6px 8px;
  line-height: 17px;
  resize: vertical;
  font-family: var(--jp-code-font-family);
}

.ch-call .ch-bar {
  margin-top: 8px;
}

.ch-tree {
  padding: 6px 8px;
  border: var(--jp-border-width) solid var(--jp-border-color2);
  border-radius: var(--jp-border-radius);
  overflow: auto;
}

.ch-tree details > :not(summary) {
  margin-left: 16px;
}

.ch-log {
  flex: 1;
  min-height: 0;
  overflow: auto;
  padding: 4px 8px;
  font-family: var(--jp-code-font-family);
  font-size: 12px;
}

.ch-logline {
  height: 18px;
  line-height: 18px;
  white-space: pre;
}

.ch-newlines {
  position: absolute;
  right: 20px;
  bottom: 12px;
}

@container (max-width: 759px) {
  .jp-ChariotsView-body:has(> .jp-ChariotsView-side) {
    display: block;
    overflow: auto;
  }

  .jp-ChariotsView-body:has(> .jp-ChariotsView-side) > .jp-ChariotsView-main {
    overflow: visible;
  }

  .jp-ChariotsView-side {
    border-left: 0;
    border-top: var(--jp-border-width) solid var(--jp-border-color2);
    overflow: visible;
  }

  .ch-traffic {
    display: none;
  }

  .ch-columns {
    grid-template-columns: minmax(0, 1fr);
  }
}

/* below a notebook in Notebook 7 nothing else gives it a height */
#jp-down-stack .jp-ChariotsViewWidget {
  min-height: 280px;
}
`,""]),i.d(r,{},{A:n})},31(o,r,i){var t=i(27),e=i.n(t),a=i(28),n=(i.n(a))()(e());n.push([o.id,`/* The main-area view. */

.jp-ChariotsView {
  display: flex;
  flex-direction: column;
  height: 100%;
  overflow: hidden;
}

.jp-ChariotsView-toolbar {
  height: 32px;
  flex: 0 0 32px;
  display: flex;
  align-items: center;
  gap: 2px;
  padding: 0 6px;
  border-bottom: var(--jp-border-width) solid var(--jp-toolbar-border-color);
  box-shadow: var(--jp-toolbar-box-shadow);
  z-index: 2;
}

.jp-ChariotsView-toolbar .ch-sep {
  width: 1px;
  height: 16px;
  background: var(--jp-border-color2);
  margin: 0 6px;
}

.jp-ChariotsView-tabs {
  height: 30px;
  flex: 0 0 30px;
  display: flex;
  gap: 2px;
  align-items: stretch;
  padding: 0 8px;
  border-bottom: var(--jp-border-width) solid var(--jp-border-color2);
}

.jp-ChariotsView-tabs > button {
  padding: 0 10px;
  line-height: 28px;
  border-bottom: 2px solid transparent;
  color: var(--jp-ui-font-color2);
}

.jp-ChariotsView-tabs > button[aria-selected="true"] {
  border-bottom-color: var(--jp-brand-color1);
  color: var(--jp-ui-font-color0);
}

.jp-ChariotsView-body {
  flex: 1;
  display: flex;
  min-height: 0;
  overflow: hidden;
}

.jp-ChariotsView-main {
  flex: 1;
  min-width: 0;
  padding: 10px 12px;
  overflow: hidden;
}

.jp-ChariotsView-side {
  flex: 0 0 320px;
  border-left: var(--jp-border-width) solid var(--jp-border-color2);
  overflow: hidden;
  display: flex;
  flex-direction: column;
}

.ch-h {
  font-size: var(--jp-ui-font-size0);
  font-weight: 600;
  text-transform: uppercase;
  line-height: 24px;
  margin: 0;
  display: flex;
  align-items: center;
  gap: 6px;
}

.ch-h .ch-mute {
  font-weight: 400;
  text-transform: none;
}

.ch-seg {
  display: inline-flex;
  border: var(--jp-border-width) solid var(--jp-border-color1);
  border-radius: var(--jp-border-radius);
}

.ch-seg .ch-btn {
  height: 22px;
  border-radius: 0;
  padding: 0 8px;
  font-size: 12px;
  gap: 4px;
}

.ch-seg .ch-btn + .ch-btn {
  border-left: var(--jp-border-width) solid var(--jp-border-color2);
}

.ch-graph {
  display: block;
  width: 100%;
}

.ch-graph .g-node rect {
  fill: var(--jp-layout-color1);
  stroke: var(--jp-border-color1);
  stroke-width: 1;
}

.ch-graph .g-node.is-stateless rect {
  stroke-dasharray: 3 2;
}

.ch-graph .g-node.is-io rect {
  fill: var(--jp-layout-color2);
  stroke: none;
}

.ch-graph .g-node.is-sel rect.g-box {
  stroke: var(--jp-focus-outline-color);
  stroke-width: 2;
}

.ch-graph text {
  font-family: var(--jp-ui-font-family);
  font-size: 12px;
  fill: var(--jp-ui-font-color1);
}

.ch-graph text.g-n {
  font-weight: 600;
}

.ch-graph text.g-d {
  fill: var(--jp-ui-font-color2);
  font-size: 11px;
}

.ch-graph text.g-m {
  font-family: var(--jp-code-font-family);
  font-size: 11px;
  fill: var(--jp-ui-font-color1);
}

.ch-graph .g-e {
  fill: none;
  stroke: var(--jp-inverse-layout-color3);
  stroke-width: 1.3;
}

.ch-graph .g-e.is-bad {
  stroke: var(--jp-error-color1);
  stroke-width: 2;
  stroke-dasharray: 5 3;
}

.ch-graph .g-x {
  fill: var(--jp-layout-color1);
  stroke: var(--jp-error-color1);
  stroke-width: 1.5;
}

.ch-graph .g-xx {
  stroke: var(--jp-error-color1);
  stroke-width: 1.8;
  stroke-linecap: round;
}

.ch-graph .g-st.ch-ok {
  color: var(--jp-success-color1);
}

.ch-graph .g-st.ch-brand {
  color: var(--jp-brand-color1);
}

.ch-graph .g-st.ch-bad {
  color: var(--jp-error-color1);
}

.ch-graph .g-st {
  fill: none;
  stroke: currentColor;
  stroke-width: 1.5;
}

.ch-msg {
  border: var(--jp-border-width) solid var(--jp-border-color1);
  box-shadow: inset 3px 0 0 var(--jp-error-color1);
  border-radius: var(--jp-border-radius);
  padding: 8px 12px 8px 14px;
  line-height: 19px;
}

.ch-msg p {
  margin: 0;
  display: flex;
  gap: 8px;
}

.ch-msg p .ch-i {
  margin-top: 2px;
}

.ch-msg ul {
  margin: 2px 0 4px;
  padding: 0;
  list-style: none;
}

.ch-msg li {
  display: flex;
  gap: 8px;
  align-items: baseline;
}

.ch-msg li .ch-i {
  align-self: center;
}

.ch-steps {
  display: grid;
  grid-template-columns: 20px 1fr auto;
  align-items: center;
  column-gap: 8px;
  margin: 2px 0;
}

.ch-steps > * {
  min-height: 26px;
  display: flex;
  align-items: center;
  gap: 4px;
}

.ch-steps .ch-no {
  width: 18px;
  min-height: 18px;
  border-radius: 9px;
  border: var(--jp-border-width) solid var(--jp-border-color1);
  justify-content: center;
  font-size: 11px;
}

.ch-tbl {
  border-spacing: 0;
  width: 100%;
  font-size: 12px;
  table-layout: fixed;
}

.ch-tbl th,
.ch-tbl td {
  height: 24px;
  padding: 0 6px;
  text-align: left;
  white-space: nowrap;
  overflow: hidden;
  text-overflow: ellipsis;
  line-height: 23px;
}

.ch-tbl th {
  font-weight: 500;
  border-bottom: var(--jp-border-width) solid var(--jp-border-color1);
  background: var(--jp-layout-color1);
}

.ch-tbl th .ch-i {
  display: inline-block;
  vertical-align: -4px;
}

.ch-tbl td {
  border-bottom: var(--jp-border-width) solid var(--jp-border-color2);
}

.ch-tbl tr.is-hover td {
  background: var(--jp-layout-color2);
}

.ch-tbl tr.is-sel td {
  background: var(--jp-layout-color2);
}

.ch-tbl tr.is-sel td:first-child {
  box-shadow: inset 3px 0 0 var(--jp-brand-color1);
}

.ch-tbl .r {
  text-align: right;
  font-variant-numeric: tabular-nums;
}

.ch-tbl .ch-i {
  display: inline-block;
  vertical-align: -4px;
}

.ch-tbl a,
.ch-link {
  color: var(--jp-content-link-color);
  text-decoration: none;
}

.ch-link {
  cursor: pointer;
}

.ch-ab {
  display: inline-block;
  width: 16px;
  height: 16px;
  line-height: 15px;
  border-radius: 8px;
  font-size: 10px;
  font-weight: 600;
  text-align: center;
  border: var(--jp-border-width) solid var(--jp-border-color1);
  color: var(--jp-ui-font-color2);
  vertical-align: middle;
}

.ch-ab.on {
  background: var(--jp-brand-color1);
  border-color: var(--jp-brand-color1);
  color: var(--jp-ui-inverse-font-color1);
}

.ch-oplist {
  flex: 0 0 150px;
  border-right: var(--jp-border-width) solid var(--jp-border-color2);
  padding: 4px 0;
}

.ch-diff {
  font-family: var(--jp-code-font-family);
  font-size: 12px;
  border: var(--jp-border-width) solid var(--jp-border-color2);
  line-height: 18px;
}

.ch-diff > div {
  display: grid;
  grid-template-columns: 32px 32px 18px 1fr;
  white-space: pre;
}

.ch-diff .ln {
  color: var(--jp-ui-font-color2);
  text-align: right;
  padding-right: 6px;
}

.ch-diff .del {
  background: color-mix(in srgb, var(--jp-error-color1) 14%, transparent);
}

.ch-diff .add {
  background: color-mix(in srgb, var(--jp-success-color1) 16%, transparent);
}

.ch-diff .hunk {
  color: var(--jp-ui-font-color2);
  background: var(--jp-layout-color2);
}

.ch-diff .ch-src {
  overflow: hidden;
}

.ch-diff .sg {
  text-align: center;
  font-weight: 700;
}

.ch-lanes text {
  font-family: var(--jp-ui-font-family);
  font-size: 11px;
  fill: var(--jp-ui-font-color2);
}

.ch-lanes .l-n {
  fill: var(--jp-ui-font-color1);
  font-size: 12px;
}

.ch-lanes .l-g {
  stroke: var(--jp-border-color2);
}

.ch-lanes .l-now {
  stroke: var(--jp-brand-color1);
  stroke-width: 1.5;
}

.ch-lanes .l-cur {
  stroke: var(--jp-ui-font-color1);
  stroke-dasharray: 2 2;
}

.ch-lanes .l-bar {
  fill: color-mix(in srgb, var(--jp-brand-color1) 30%, var(--jp-layout-color1));
  stroke: var(--jp-brand-color1);
}

.ch-lanes .l-bar.on {
  fill: var(--jp-brand-color1);
}

.ch-lanes .l-off {
  fill: url(#ch-hatch);
  stroke: var(--jp-border-color1);
}

.ch-lanes .l-err {
  fill: var(--jp-error-color1);
}

.ch-lanes .l-bt {
  fill: var(--jp-ui-font-color1);
}

.ch-lanes .l-bt.on {
  fill: var(--jp-ui-inverse-font-color1);
}

.ch-select {
  height: 24px;
  border: var(--jp-border-width) solid var(--jp-border-color1);
  border-radius: var(--jp-border-radius);
  background: var(--jp-layout-color1);
  display: flex;
  align-items: center;
  gap: 6px;
  padding: 0 2px 0 6px;
  min-width: 0;
}

.ch-opt {
  display: grid;
  grid-template-columns: 18px 44px 58px 1fr auto;
  align-items: center;
  column-gap: 4px;
  min-height: 24px;
  padding: 0 6px 0 4px;
  font-size: 12px;
}

.ch-opt.is-active {
  background: var(--jp-layout-color2);
}

.ch-opt .ch-sub {
  grid-column: 2 / 6;
  color: var(--jp-ui-font-color2);
  font-size: 11px;
  line-height: 14px;
  padding-bottom: 4px;
  white-space: normal;
}

.ch-opt[aria-disabled="true"] > :not(.ch-sub) {
  opacity: .5;
}

/* dim text on a tinted ground would fall under 4.5:1: there it takes the full text colour */

:is(.ch-btn[aria-pressed="true"], .jp-ChariotsMenu-item.is-active, .ch-opt.is-active, .ch-tbl tr.is-sel, .jp-Chariots-row.is-active, .jp-Chariots-search) :is(.ch-mute, .ch-n, .ch-key, .ch-sub, .ch-ver, .ch-dim, .ch-ab:not(.on)),
.ch-diff :is(.add, .del, .hunk) :is(.ln, .ch-src),
.w-err .ch-mute {
  color: var(--jp-ui-font-color1);
}
`,""]),i.d(r,{},{A:n})},28(o){o.exports=function(o){var r=[];return r.toString=function(){return this.map(function(r){var i="",t=void 0!==r[5];return r[4]&&(i+="@supports (".concat(r[4],") {")),r[2]&&(i+="@media ".concat(r[2]," {")),t&&(i+="@layer".concat(r[5].length>0?" ".concat(r[5]):""," {")),i+=o(r),t&&(i+="}"),r[2]&&(i+="}"),r[4]&&(i+="}"),i}).join("")},r.i=function(o,i,t,e,a){"string"==typeof o&&(o=[[null,o,void 0]]);var n={};if(t)for(var p=0;p<this.length;p++){var l=this[p][0];null!=l&&(n[l]=!0)}for(var s=0;s<o.length;s++){var c=[].concat(o[s]);t&&n[c[0]]||(void 0!==a&&(void 0===c[5]||(c[1]="@layer".concat(c[5].length>0?" ".concat(c[5]):""," {").concat(c[1],"}")),c[5]=a),i&&(c[2]&&(c[1]="@media ".concat(c[2]," {").concat(c[1],"}")),c[2]=i),e&&(c[4]?(c[1]="@supports (".concat(c[4],") {").concat(c[1],"}"),c[4]=e):c[4]="".concat(e)),r.push(c))}},r}},27(o){o.exports=function(o){return o[1]}},20(o){var r=[];function i(o){for(var i=-1,t=0;t<r.length;t++)if(r[t].identifier===o){i=t;break}return i}function t(o,t){for(var e={},a=[],n=0;n<o.length;n++){var p=o[n],l=t.base?p[0]+t.base:p[0],s=e[l]||0,c="".concat(l," ").concat(s);e[l]=s+1;var h=i(c),d={css:p[1],media:p[2],sourceMap:p[3],supports:p[4],layer:p[5]};if(-1!==h)r[h].references++,r[h].updater(d);else{var u=function(o,r){var i=r.domAPI(r);return i.update(o),function(r){r?(r.css!==o.css||r.media!==o.media||r.sourceMap!==o.sourceMap||r.supports!==o.supports||r.layer!==o.layer)&&i.update(o=r):i.remove()}}(d,t);t.byIndex=n,r.splice(n,0,{identifier:c,updater:u,references:1})}a.push(c)}return a}o.exports=function(o,e){var a=t(o=o||[],e=e||{});return function(o){o=o||[];for(var n=0;n<a.length;n++){var p=i(a[n]);r[p].references--}for(var l=t(o,e),s=0;s<a.length;s++){var c=i(a[s]);0===r[c].references&&(r[c].updater(),r.splice(c,1))}a=l}}},22(o){var r={};o.exports=function(o,i){var t=function(o){if(void 0===r[o]){var i=document.querySelector(o);if(window.HTMLIFrameElement&&i instanceof window.HTMLIFrameElement)try{i=i.contentDocument.head}catch(o){i=null}r[o]=i}return r[o]}(o);if(!t)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");t.appendChild(i)}},24(o){o.exports=function(o){var r=document.createElement("style");return o.setAttributes(r,o.attributes),o.insert(r,o.options),r}},23(o,r,i){o.exports=function(o){var r=i.nc;r&&o.setAttribute("nonce",r)}},21(o){o.exports=function(o){if("u"<typeof document)return{update:function(){},remove:function(){}};var r=o.insertStyleElement(o);return{update:function(i){var t,e,a;t="",i.supports&&(t+="@supports (".concat(i.supports,") {")),i.media&&(t+="@media ".concat(i.media," {")),(e=void 0!==i.layer)&&(t+="@layer".concat(i.layer.length>0?" ".concat(i.layer):""," {")),t+=i.css,e&&(t+="}"),i.media&&(t+="}"),i.supports&&(t+="}"),(a=i.sourceMap)&&"u">typeof btoa&&(t+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(a))))," */")),o.styleTagTransform(t,r,o.options)},remove:function(){var o;null===(o=r).parentNode||o.parentNode.removeChild(o)}}}},25(o){o.exports=function(o,r){if(r.styleSheet)r.styleSheet.cssText=o;else{for(;r.firstChild;)r.removeChild(r.firstChild);r.appendChild(document.createTextNode(o))}}},19(o,r,i){var t=i(20),e=i.n(t),a=i(21),n=i.n(a),p=i(22),l=i.n(p),s=i(23),c=i.n(s),h=i(24),d=i.n(h),u=i(25),f=i.n(u),b=i(26),x={};x.styleTagTransform=f(),x.setAttributes=c(),x.insert=l().bind(null,"head"),x.domAPI=n(),x.insertStyleElement=d(),e()(b.A,x),b.A&&b.A.locals&&b.A.locals}}]);