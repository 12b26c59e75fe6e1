import type { AzureLogin } from "../../config/azure.ts";
import { Failure } from "../../core/failure.ts";
import { readRefusal, type Reason } from "../access/refusal.ts";

const CLOCK: Reason = {
  says: /Request date header too old/i,
  code: "unauthorized",
  message: "Azure storage finds the time of the signature wrong",
  hint: "Set this machine's clock: a signature is good for some minutes.",
};
const PERMISSION =
  /AuthorizationPermissionMismatch|AuthorizationFailure|InsufficientAccountPermissions|AuthorizationResourceTypeMismatch|AuthorizationServiceMismatch/;

/** Why Azure refuses a request, by its codes; the first that fits is told. */
function listReasons(login: AzureLogin): readonly Reason[] {
  const credentials = login.kind === "entra"
    ? "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
    : login.setting;
  return [
    CLOCK,
    {
      says: /not valid in the specified time frame/i,
      code: "unauthorized",
      message: "Azure storage finds the shared access signature expired, or not yet good",
      hint: `Renew ${credentials}; where it is new, set this machine's clock.`,
    },
    {
      says: /AuthorizationSourceIPMismatch|AuthorizationProtocolMismatch/,
      code: "forbidden",
      message: "Azure storage does not take the shared access signature from here",
      hint: `${credentials} is limited to other addresses or another protocol.`,
    },
    {
      says: /failed to authenticate the request/i,
      code: "unauthorized",
      message: "Azure storage refused the credentials",
      hint: `Check ${credentials}: of this account, and not expired or renewed since.`,
    },
    {
      says: PERMISSION,
      code: "forbidden",
      message: "Azure storage does not permit this",
      hint: login.kind === "entra"
        ? "The service principal of AZURE_CLIENT_ID needs the role Storage Blob Data Reader, and " +
          "the account's network rules have to let this machine in."
        : `${credentials} lacks the permission to read, or the account's network rules keep this ` +
          "machine out.",
    },
    {
      says: /KeyBasedAuthenticationNotPermitted/,
      code: "forbidden",
      message: "This storage account takes no keys",
      hint: "Use a service principal: AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.",
    },
    {
      says: /AuthenticationFailed|InvalidAuthenticationInfo|NoAuthenticationInformation/,
      code: "unauthorized",
      message: "Azure storage refused the credentials",
      hint: `Check ${credentials}: of this account, and not expired or renewed since.`,
    },
  ];
}

export function readAzureRefusal(
  login: AzureLogin,
  status: number,
  body: string,
): Failure | undefined {
  if (status === 404 && /ContainerNotFound|FilesystemNotFound/.test(body)) {
    return new Failure("upstream_error", "There is no such container in Azure storage.", {
      status,
      hint: "Check the account, and that the container was not deleted.",
    });
  }
  return [400, 401, 403].includes(status)
    ? readRefusal(listReasons(login), status, body)
    : undefined;
}
