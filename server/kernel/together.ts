/**
 * The operations of several domains as one object, from which each endpoint takes what its `Needs` name.
 *
 * An endpoint says what it uses and not where that lives; so no name may stand for two things. A name that two domains
 * share does not compile; one that the types do not show ends the start.
 */

/** What is wrong with a domain whose name for something is another domain's too. */
type NamedTwice<Name> = { 'this name belongs to another domain too': Name }

type NamesOfOthers<Domains, Own extends keyof Domains> = {
  [Other in Exclude<keyof Domains, Own>]: keyof Domains[Other]
}[Exclude<keyof Domains, Own>]

type Apart<Domains> = {
  [Own in keyof Domains]: [keyof Domains[Own] & NamesOfOthers<Domains, Own>] extends [never]
    ? Domains[Own]
    : NamedTwice<keyof Domains[Own] & NamesOfOthers<Domains, Own>>
}

type Intersection<Union> = (Union extends unknown ? (each: Union) => void : never) extends (all: infer All) => void
  ? All
  : never

export function together<Domains extends Record<string, object>>(
  domains: Domains & Apart<Domains>,
): Intersection<Domains[keyof Domains]> {
  const all: Record<string, unknown> = {}
  const owners = new Map<string, string>()
  for (const [domain, operations] of Object.entries<object>(domains)) {
    for (const [name, operation] of Object.entries(operations)) {
      const owner = owners.get(name)
      if (owner !== undefined) throw new Error(`${name} is named by ${owner} and by ${domain}`)
      owners.set(name, domain)
      all[name] = operation
    }
  }
  return all as Intersection<Domains[keyof Domains]>
}
