import * as Sentry from "@sentry/node";
import type { Report, WaitUntil } from "../domain/ports.js";

const FLUSH_MS = 2_000;

/** Kept of a report: what broke and where. Not kept: who was hit, and what the request carried. */
function scrub<E extends Sentry.Event>(event: E): E {
  delete event.user;
  delete event.request;
  delete event.server_name;
  delete event.extra;
  event.breadcrumbs = [];
  return event;
}

export interface Reporter {
  report: Report;
  close(): Promise<void>;
}

/** Reports defects to Sentry, with the request id that ties them to the log. Without a DSN, to nobody. */
export function createReporter(options: {
  dsn: string | undefined;
  environment: string;
  deploymentId: string | undefined;
  waitUntil: WaitUntil;
}): Reporter {
  if (options.dsn === undefined) {
    return { report: () => undefined, close: () => Promise.resolve() };
  }
  const client = new Sentry.NodeClient({
    dsn: options.dsn,
    environment: options.environment,
    ...(options.deploymentId === undefined ? {} : { release: options.deploymentId }),
    integrations: [],
    transport: Sentry.makeNodeTransport,
    stackParser: Sentry.defaultStackParser,
    beforeSend: scrub,
  });
  client.init();
  return {
    report(error, { requestId, action }) {
      const scope = new Sentry.Scope();
      scope.setClient(client);
      scope.setTags({ requestId, action });
      scope.captureException(error);
      // A function is frozen after its answer, and what was not sent by then may never be.
      options.waitUntil(Promise.resolve(client.flush(FLUSH_MS)));
    },
    async close() {
      await client.close(FLUSH_MS);
    },
  };
}
