/** The list of operations and a running server say the same, in both directions. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestHomeserver } from '../support/homeserver.js'
import { type CoverageReport, runCoverage, startOpenHomeserver } from './coverage.js'
import {
  claimedVersions,
  conformancePage,
  operationsOf,
  readOperations,
  readPage,
  writeOperations,
} from './operations.js'

test('docs/conformance.md is made from the list', () => {
  expect(readPage()).toBe(conformancePage(readOperations()))
})

describe('asked by the tool of the specification', () => {
  let hs: TestHomeserver | undefined
  let report: CoverageReport
  beforeAll(async () => {
    hs = await startOpenHomeserver()
    report = await runCoverage(hs)
    if (process.env.UPDATE_CONFORMANCE) writeOperations(operationsOf(report))
  }, 120_000)
  afterAll(() => hs?.close())

  test('the server has the operations of the list, and no other', () => {
    expect(operationsOf(report)).toEqual(readOperations())
  })

  test('the versions that the server names are those of which it lacks nothing', async () => {
    const { body } = await hs!.request('GET', '/_matrix/client/versions')
    expect(body.versions).toEqual(claimedVersions(readOperations()))
  })

  test('no operation breaks a rule that holds for all', () => {
    expect(report.endpoints.flatMap(({ id, problems }) => problems.map((problem) => `${id}: ${problem}`))).toEqual([])
    expect(report.general).toEqual([])
  })

  test('paths that the specification does not have are 404 M_UNRECOGNIZED', () => {
    expect(report.unknownProblems).toEqual([])
  })

  test('what takes a body says M_NOT_JSON to one that is none', () => {
    // The tool's user is no administrator: these two refuse before they read.
    const refusedBefore = ['cs:setAdminLockUser', 'cs:setAdminSuspendUser']
    const found = report.endpoints.filter(({ advice }) => advice.length > 0).map(({ id }) => id)
    expect(found.sort()).toEqual(refusedBefore)
  })
})
