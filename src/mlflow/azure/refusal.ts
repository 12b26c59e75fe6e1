import type { AzureLogin } from "../../config/azure.ts";
import type { Reason, StoreWords } from "../access/refusal.ts";

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
  const credentials = nameCredentials(login);
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

/** How Azure storage says what is wrong with a login, or the address that a setting gives. */
export function describeAzure(login: AzureLogin, setting: string): StoreWords {
  return {
    service: "Azure storage",
    credentials: nameCredentials(login),
    setting,
    reasons: listReasons(login),
    noFile: /BlobNotFound|PathNotFound/,
    noPlace: { name: "container", says: /ContainerNotFound|FilesystemNotFound/ },
  };
}

function nameCredentials(login: AzureLogin): string {
  return login.kind === "entra"
    ? "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
    : login.setting;
}
