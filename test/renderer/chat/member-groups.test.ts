/** The member list by role. */
import { expect, test } from 'vitest'
import { groupMembers } from '../../../renderer/features/chat/panel/member-groups.js'
import { ana, bo, cy, memberRow } from '../support/rows.js'

const lines = (members: ReturnType<typeof memberRow>[], term = '') =>
  groupMembers(members, term).map((line) => (line.kind === 'group' ? `${line.label} ${line.count}` : line.key))

test('owners, moderators, members, invited and banned, each by name', () => {
  const members = [
    memberRow(cy, { displayname: 'zoe' }),
    memberRow(bo, { displayname: 'Älva' }),
    memberRow(ana, { role: 'Owner', power_level: 100 }),
    memberRow('@mod:test', { role: 'Editor', power_level: 50 }),
    memberRow('@inv:test', { membership: 'invite', role: 'None' }),
    memberRow('@ban:test', { membership: 'ban', role: 'None' }),
    memberRow('@gone:test', { membership: 'leave', role: 'None' }),
  ]

  expect(lines(members)).toEqual([
    'panel.role.Owner 1',
    ana,
    'panel.role.Editor 1',
    '@mod:test',
    'panel.role.Viewer 2',
    bo,
    cy,
    'panel.invited 1',
    '@inv:test',
    'panel.banned 1',
    '@ban:test',
  ])
})

test('search finds names and IDs and leaves out empty groups', () => {
  const members = [memberRow(ana, { displayname: 'Ana', role: 'Owner' }), memberRow(bo, { displayname: 'Robert' })]

  expect(lines(members, 'ROB')).toEqual(['panel.role.Viewer 1', bo])
  expect(lines(members, '@bo:')).toEqual(['panel.role.Viewer 1', bo])
  expect(lines(members, 'nobody')).toEqual([])
})

test('ten thousand members are grouped in well under a second', () => {
  const members = Array.from({ length: 10_000 }, (_, index) =>
    memberRow(`@u${index}:test`, { displayname: `Person ${(index * 7919) % 10_000}` }),
  )
  const start = performance.now()

  expect(groupMembers(members)).toHaveLength(10_001)
  expect(performance.now() - start).toBeLessThan(700)
})
