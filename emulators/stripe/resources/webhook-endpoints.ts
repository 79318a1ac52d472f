import { parameterInvalid, parameterMissing, resourceMissing } from "../errors.js";
import type { Input } from "../form.js";
import { LIST_PARAMS, listOf } from "../lists.js";
import type { StoredEndpoint } from "../rows.js";
import type { Route, World } from "../world.js";

const CREATE_FIELDS = ["api_version", "connect"];
const FIELDS = ["url", "enabled_events", "description", "metadata", "expand"];

/** The endpoint that `startStripeEmulator`'s option stands for; there is at most one, and each start renews it. */
export const OPTION_ENDPOINT = "we_option";

export function putEndpoint(
  world: World,
  id: string,
  fields: {
    url: string;
    secrets: string[];
    enabledEvents: string[];
    apiVersion?: string | undefined;
    thin: boolean;
    connect?: boolean | undefined;
  },
): void {
  const before = world.tables.endpoints.get(id);
  world.tables.endpoints.put(id, {
    ...(before ?? blank(world, id)),
    url: fields.url,
    enabled_events: fields.enabledEvents,
    secrets: fields.secrets,
    api_version: fields.apiVersion ?? null,
    thin: fields.thin,
    ...(fields.connect === undefined ? {} : { connect: fields.connect }),
  });
}

const blank = (world: World, id: string): StoredEndpoint => ({
  id,
  object: "webhook_endpoint",
  api_version: null,
  application: null,
  created: world.now(),
  description: null,
  enabled_events: ["*"],
  livemode: world.livemode,
  metadata: {},
  secrets: [],
  status: "enabled",
  url: "",
});

/** An endpoint as it is read: its secret is only in the answer to its creation. */
function shown({
  secrets: _,
  connect: _connect,
  thin: _thin,
  ...endpoint
}: StoredEndpoint): object {
  return endpoint;
}

function named(world: World, id: string): StoredEndpoint {
  const endpoint = world.tables.endpoints.get(id);
  if (endpoint === undefined) throw resourceMissing("webhook endpoint", id, "webhook_endpoint");
  return endpoint;
}

function urlOf(input: Input): string | undefined {
  const url = input.text("url");
  if (url === undefined || url === null) return undefined;
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw parameterInvalid(
      "url",
      "Invalid URL: An explicit scheme (such as https) must be provided.",
      "url_invalid",
    );
  }
  return url;
}

function create(world: World, input: Input): object {
  const url = urlOf(input);
  if (url === undefined) throw parameterMissing("url");
  const enabledEvents = input.texts("enabled_events");
  if (enabledEvents === undefined) throw parameterMissing("enabled_events");
  const secret = world.kit.ids("whsec_");
  const endpoint: StoredEndpoint = {
    ...blank(world, world.kit.ids("we_")),
    api_version: input.text("api_version") ?? null,
    description: input.text("description") ?? null,
    enabled_events: enabledEvents,
    metadata: input.metadata(),
    secrets: [secret],
    connect: input.flag("connect") ?? false,
    url,
  };
  world.tables.endpoints.put(endpoint.id, endpoint);
  return { ...shown(endpoint), secret };
}

function update(world: World, id: string, input: Input): object {
  const before = named(world, id);
  const disabled = input.flag("disabled");
  const description = input.text("description");
  const after: StoredEndpoint = {
    ...before,
    url: urlOf(input) ?? before.url,
    enabled_events: input.texts("enabled_events") ?? before.enabled_events,
    description: description === undefined ? before.description : description,
    metadata: input.metadata(before.metadata),
    ...(disabled === undefined ? {} : { status: disabled ? "disabled" : "enabled" }),
  };
  return shown(world.tables.endpoints.put(id, after));
}

export const webhookEndpointRoutes = (world: World): Route[] => [
  {
    method: "POST",
    path: "/v1/webhook_endpoints",
    accepts: [...FIELDS, ...CREATE_FIELDS],
    run: ({ input }) => create(world, input),
  },
  {
    method: "GET",
    path: "/v1/webhook_endpoints",
    accepts: LIST_PARAMS,
    run: ({ input }) => {
      const { endpoints } = world.tables;
      const page = listOf("/v1/webhook_endpoints", "webhook endpoint", input, endpoints);
      return { ...page, data: page.data.map(shown) };
    },
  },
  {
    method: "GET",
    path: "/v1/webhook_endpoints/:id",
    accepts: ["expand"],
    run: ({ id }) => shown(named(world, id)),
  },
  {
    method: "POST",
    path: "/v1/webhook_endpoints/:id",
    accepts: [...FIELDS, "disabled"],
    run: ({ id, input }) => update(world, id, input),
  },
  {
    method: "DELETE",
    path: "/v1/webhook_endpoints/:id",
    accepts: [],
    run: ({ id }) => {
      named(world, id);
      world.tables.endpoints.remove(id);
      return { id, object: "webhook_endpoint", deleted: true };
    },
  },
];
