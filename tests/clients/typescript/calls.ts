// Call a running API with a client made from its schema; print what it answered.
// Run by test_clients: node calls.js ADDRESS KEY.
import createClient from "openapi-fetch";

import type { components, paths } from "./api.js";

type UserToFollow = components["schemas"]["UserToFollow"];

// @ts-expect-error: a login is needed.
export const withoutLogin: UserToFollow = { id: 5 };
// @ts-expect-error: a name goes with an id only.
export const withoutId: UserToFollow = { login: "octocat", name: "The Octocat" };
// @ts-expect-error: nothing else is understood.
export const withMore: UserToFollow = { login: "octocat", type: "User" };

const [address = "", key = ""] = process.argv.slice(2);
// Lists are text as CSV and NDJSON; this client reads JSON alone.
const client = createClient<paths, "application/json">({
  baseUrl: address,
  headers: { Authorization: `Bearer ${key}` },
});

interface Answer {
  data?: unknown;
  error?: unknown;
  response: Response;
}

function shown({ data, error, response }: Answer): unknown[] {
  return [response.status, data ?? error];
}

const answers: Record<string, unknown> = {};
const byLogin = await client.PUT("/v1/users", { body: { login: "octocat" } });
answers["follow by login"] = shown(byLogin);
answers["follow by id"] = shown(
  await client.PUT("/v1/users", { body: { id: 5, login: "-old", name: "Old One" } }),
);
answers["follow again"] = shown(await client.PUT("/v1/users", { body: { id: 5, login: "-old" } }));
answers["follow an invalid login"] = shown(
  await client.PUT("/v1/users", { body: { login: "../orgs/x" } }),
);
answers["list"] = shown(await client.GET("/v1/users"));
answers["list a page"] = shown(
  await client.GET("/v1/users", { params: { query: { limit: 1, after: 5 } } }),
);
answers["find a user"] = shown(
  await client.GET("/v1/users", { params: { query: { login: "-OLD" } } }),
);

const followed = byLogin.data;
if (followed === undefined || !("name" in followed)) throw new Error("the login is not resolved");
const path = { user_id: followed.id };
const deadline = Date.now() + 60_000;
for (;;) {
  const { data } = await client.GET("/v1/users/{user_id}/scans", { params: { path } });
  if (data?.[0]?.finished_at) break;
  if (Date.now() > deadline) throw new Error(JSON.stringify(data));
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const { data: found } = await client.GET("/v1/repos", {
  params: { query: { full_name: "octocat/hello" } },
});
answers["find a repository"] = found?.map((repository) => repository.id);
answers["stats"] = shown(
  await client.GET("/v1/users/{user_id}/stats", {
    params: { path, query: { date_from: "2022-01-01" } },
  }),
);
for (const user_id of [followed.id, 5]) {
  answers[`delete ${user_id}`] = shown(
    await client.DELETE("/v1/users/{user_id}", { params: { path: { user_id } } }),
  );
}
answers["delete again"] = shown(
  await client.DELETE("/v1/users/{user_id}", { params: { path: { user_id: 5 } } }),
);
console.log(JSON.stringify(answers));
