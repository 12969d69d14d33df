import { render } from "preact";
import { Page } from "./page";
import "../ui/styles/tokens.css";
import "../ui/styles/base.css";
import "../ui/styles/controls.css";
import "../ui/styles/overlays.css";
import "../ui/styles/dialogs.css";
import "../ui/styles/panels.css";
import "./admin.css";

const root = document.getElementById("app");
if (!root) throw new Error("The page has no #app to draw in.");
render(<Page />, root);
