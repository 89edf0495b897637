/** What other devices of the account call this one. */
export const deviceName = () => (window.hearth ? 'Hearth' : `Hearth (${browserName()})`)

const browserName = () =>
  /(Firefox|Edg|Chrome|Safari)/.exec(navigator.userAgent)?.[1]?.replace('Edg', 'Edge') ?? 'browser'
