/** docs/live-api.md says what is: its statements pass the screen, its tables and fields are those of the rows. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { closeCodes } from '../../../server/live/close-codes.js'
import { allowedFunctions, readableTables } from '../../../server/live/screen/vocabulary.js'
import { screenQuery } from '../../../server/live/screen-query.js'

const read = (path: string) => readFileSync(resolve(import.meta.dirname, '../../..', path), 'utf8')
const docs = read('docs/live-api.md')

describe('docs/live-api.md', () => {
  const statements = [...docs.matchAll(/(?<=[`'\n])(?:LIVE )?SELECT [^`\n]+?(?=[`\n]|'\))/g)].map(([text]) => text)

  test('shows statements for every kind of reading', () => {
    expect(statements.length).toBeGreaterThanOrEqual(8)
  })

  test.each(statements)('%s passes the screen', (sql) => {
    const bindings = { room: '!r', room_id: '!r', from: 1, max: 20, handled: 0, followed_users: [] }
    expect(screenQuery(sql.replace(/;$/, ''), bindings, { user_id: '@a:x', device_id: 'D' })).toMatchObject({
      allowed: true,
    })
  })

  test('has a chapter for each table that can be read, and names its fields', () => {
    const types = read('server/kernel/live-rows.ts')
    for (const table of readableTables) {
      const chapter = docs.split(/^### /m).find((each) => each.startsWith(`\`${table}:`))
      expect(chapter?.replaceAll(/\s+/g, ' '), table).toMatch(/\*\*seen by\*\*/i)
      const declared =
        types.slice(types.indexOf(`\`${table}:`)).match(/export type \w+ = \{([\s\S]*?)\n?\}\n/)?.[1] ?? ''
      const fields = declared.replaceAll(/\/\*\*[\s\S]*?\*\//g, '').matchAll(/(?:^ {2}|; |^ )(\w+)\??:/gm)
      const names = [...fields].map(([, field]) => field)
      expect(names.length, table).toBeGreaterThan(2)
      for (const name of names) expect(chapter, `${table}.${name}`).toContain(name)
    }
  })

  test('lists the functions and close codes there are', () => {
    for (const name of allowedFunctions) expect(docs).toContain(`\`${name}\``)
    for (const code of Object.values(closeCodes)) expect(docs).toContain(`| ${code} |`)
  })
})
