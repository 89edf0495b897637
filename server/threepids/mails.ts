/** What the mails say, by what the address is to be shown for. */

export type Purpose = 'register' | 'reset-password' | 'add'

const asks: Record<Purpose, string> = {
  register: 'Somebody is making an account with this address on',
  'reset-password': 'Somebody wants to set a new password for the account of this address on',
  add: 'Somebody is adding this address to their account on',
}

const subjects: Record<Purpose, string> = {
  register: 'Confirm your address',
  'reset-password': 'Set a new password',
  add: 'Confirm your address',
}

export const writeMail = (options: { purpose: Purpose; serverName: string; link: string; minutes: number }) => ({
  subject: `${subjects[options.purpose]} (${options.serverName})`,
  text: `${asks[options.purpose]} ${options.serverName}.

If that is you, open this and confirm it:

${options.link}

It is good for ${options.minutes} minutes. If it is not you, do nothing: without it nothing changes.
`,
})
