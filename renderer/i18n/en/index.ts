/** The English catalogue: the source of the keys. One file per part of the interface. */
import { chat } from './chat.js'
import { common } from './common.js'
import { encryption } from './encryption.js'
import { home } from './home.js'
import { onboarding } from './onboarding.js'
import { people } from './people.js'
import { roomSettings } from './room-settings.js'

export const en = { ...common, ...chat, ...encryption, ...home, ...onboarding, ...people, ...roomSettings } as const
