import { render } from "preact";
import { App } from "./ui/app";
import { keepInStep } from "./ui/navigation";
import "./ui/styles/tokens.css";
import "./ui/styles/base.css";
import "./ui/styles/controls.css";
import "./ui/styles/overlays.css";
import "./ui/styles/shell.css";
import "./ui/styles/sidebar.css";
import "./ui/styles/message.css";
import "./ui/styles/timeline.css";
import "./ui/styles/composer.css";
import "./ui/styles/welcome.css";

const root = document.getElementById("app");
if (!root) throw new Error("The page has no #app to draw in.");
keepInStep();
render(<App />, root);
