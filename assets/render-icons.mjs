#!/usr/bin/env node
/**
 * Draws the icons from the two SVGs: `node assets/render-icons.mjs`. The results are committed, since
 * electron-builder would otherwise download tools to make .ico and .icns files.
 */
import { readFileSync, writeFileSync } from 'node:fs'
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
await draw(trayIn('#e8793f'), 32, 'tray.png')
// macOS paints template images in the menu bar's colour; only their shape counts.
await draw(trayIn('#000000'), 32, 'tray-template.png')
await draw(dot, 32, 'unread-dot.png')

const png = (size) =>
  sharp(mark, { density: 600 }).resize(size, size).png({ compressionLevel: 9, palette: true }).toBuffer()

/** Windows: a directory of PNG images, each 16 bytes in the header. */
async function icon(sizes) {
  const images = await Promise.all(sizes.map(png))
  const header = Buffer.alloc(6 + 16 * sizes.length)
  header.writeUInt16LE(1, 2) // an icon, not a cursor
  header.writeUInt16LE(sizes.length, 4)
  let offset = header.length
  sizes.forEach((size, i) => {
    const at = 6 + 16 * i
    header.writeUInt8(size % 256, at) // 256 is written as 0
    header.writeUInt8(size % 256, at + 1)
    header.writeUInt16LE(1, at + 4) // planes
    header.writeUInt16LE(32, at + 6) // bits per pixel
    header.writeUInt32LE(images[i].length, at + 8)
    header.writeUInt32LE(offset, at + 12)
    offset += images[i].length
  })
  return Buffer.concat([header, ...images])
}

/** macOS: chunks of a four-letter type, their length with this header, and a PNG. */
async function icons(types) {
  const chunks = await Promise.all(
    Object.entries(types).map(async ([type, size]) => {
      const image = await png(size)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(image.length + 8)
      return Buffer.concat([Buffer.from(type), length, image])
    }),
  )
  const length = Buffer.alloc(4)
  length.writeUInt32BE(8 + chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  return Buffer.concat([Buffer.from('icns'), length, ...chunks])
}

writeFileSync(at('icon.ico'), await icon([16, 24, 32, 48, 64, 128, 256]))
writeFileSync(
  at('icon.icns'),
  await icons({ ic11: 32, ic12: 64, ic07: 128, ic08: 256, ic13: 256, ic09: 512, ic14: 512, ic10: 1024 }),
)
