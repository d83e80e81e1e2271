/** Whether the phone believes that it has a network. */
export const network = $state({ online: navigator.onLine });

addEventListener("online", () => (network.online = true));
addEventListener("offline", () => (network.online = false));
