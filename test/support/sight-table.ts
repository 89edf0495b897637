/** Who sees what of a room: membership history × history visibility. */
export const forbidden = 'forbidden'

/** What Bob sees after each step; in each step alice says its name after it happened. */
export const sightTable = {
  world_readable: {
    stranger: 'stranger',
    invited: 'stranger invited',
    joined: 'stranger invited joined',
    left: 'stranger invited joined left',
    reinvited: 'stranger invited joined left reinvited',
    rejoined: 'stranger invited joined left reinvited rejoined',
    banned: 'stranger invited joined left reinvited rejoined banned',
    forgotten: 'stranger invited joined left reinvited rejoined banned forgotten',
  },
  shared: {
    stranger: forbidden,
    invited: forbidden,
    joined: 'stranger invited joined',
    left: 'stranger invited joined',
    reinvited: 'stranger invited joined',
    rejoined: 'stranger invited joined left reinvited rejoined',
    banned: 'stranger invited joined left reinvited rejoined',
    forgotten: forbidden,
  },
  invited: {
    stranger: forbidden,
    invited: 'invited',
    joined: 'invited joined',
    left: 'invited joined',
    reinvited: 'invited joined reinvited',
    rejoined: 'invited joined reinvited rejoined',
    banned: 'invited joined reinvited rejoined',
    forgotten: forbidden,
  },
  joined: {
    stranger: forbidden,
    invited: forbidden,
    joined: 'joined',
    left: 'joined',
    reinvited: 'joined',
    rejoined: 'joined rejoined',
    banned: 'joined rejoined',
    forgotten: forbidden,
  },
} as const

export type Step = keyof typeof sightTable.shared
export const sightSteps = Object.keys(sightTable.shared) as Step[]
