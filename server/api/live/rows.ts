/** The live tables' row types for the renderer, which may import types from `server/api/` only. */
export type * from '../../kernel/live-rows.js'
