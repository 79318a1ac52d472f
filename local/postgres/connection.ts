import pg from "pg";

/**
 * The application's role. What its sessions need is set on the role: no statement waits for a lock for ever,
 * READ COMMITTED is what the claims are built on, and Prisma's adapter takes every session to be in UTC.
 */
export async function ensureRole(adminUrl: string, role: string, password: string): Promise<void> {
  await asSuperuser(adminUrl, async (client) => {
    const name = client.escapeIdentifier(role);
    const known = await client.query("SELECT 1 FROM pg_roles WHERE rolname = $1", [role]);
    if (known.rowCount === 0) await client.query(`CREATE ROLE ${name} LOGIN`);
    await client.query(`ALTER ROLE ${name} PASSWORD ${client.escapeLiteral(password)}`);
    await client.query(`ALTER ROLE ${name} SET lock_timeout = '5s'`);
    await client.query(`ALTER ROLE ${name} SET default_transaction_isolation = 'read committed'`);
    await client.query(`ALTER ROLE ${name} SET timezone = 'UTC'`);
  });
}

/** Makes a database owned by `owner` unless there is one of that name. */
export async function ensureDatabase(
  adminUrl: string,
  database: string,
  owner: string,
): Promise<void> {
  await asSuperuser(adminUrl, async (client) => {
    const known = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [database]);
    if (known.rowCount !== 0) return;
    const [name, role] = [client.escapeIdentifier(database), client.escapeIdentifier(owner)];
    await client.query(`CREATE DATABASE ${name} OWNER ${role}`);
  });
}

/** One short-lived connection, with a bound on getting it and on each statement. */
export async function asSuperuser<T>(
  adminUrl: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: adminUrl,
    connectionTimeoutMillis: 5_000,
    query_timeout: 60_000,
    application_name: "signalbox set-up",
  });
  client.on("error", () => undefined); // the pending query fails as well, and says it
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export function connectionUrl(
  user: string,
  password: string,
  port: number,
  database: string,
): string {
  const part = encodeURIComponent;
  return `postgresql://${part(user)}:${part(password)}@127.0.0.1:${port}/${part(database)}`;
}
