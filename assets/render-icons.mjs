#!/usr/bin/env node
/**
 * Draws the PNG icons from the two SVGs: `node assets/render-icons.mjs`. The results are committed,
 * since electron-builder and the app need them on machines that build nothing.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'

const at = (name) => fileURLToPath(new URL(name, import.meta.url))
const mark = readFileSync(at('hearth-mark.svg'))
const trayIn = (colour) => Buffer.from(readFileSync(at('hearth-tray.svg'), 'utf8').replaceAll('currentColor', colour))
const dot = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="#e8793f"/></svg>',
)

const draw = (svg, size, name) =>
  sharp(svg, { density: 600 }).resize(size, size).png({ compressionLevel: 9, palette: true }).toFile(at(name))

await draw(mark, 1024, 'icon.png')
await draw(mark, 256, 'icon-256.png')
await draw(trayIn('#e8793f'), 32, 'tray.png')
// macOS paints template images in the menu bar's colour; only their shape counts.
await draw(trayIn('#000000'), 32, 'tray-template.png')
await draw(dot, 32, 'unread-dot.png')
