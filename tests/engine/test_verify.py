# SPDX-License-Identifier: Apache-2.0
"""`verify` on images in a registry; on files it is tested in tests/verify."""
import json

from case import DOCKER_ARCH, PACKAGE, TAG, TOP, LabCase


class Verify(LabCase):
    def verdicts(self, image: str, *arguments, exit_code: int = 0) -> dict[str, dict]:
        report = json.loads(self.run_program("verify", image, "--json", *arguments, exit_code=exit_code).stdout)
        self.assertEqual(report["package"]["name"], PACKAGE)
        self.assertTrue(report["subject"].startswith(f"{image}@sha256:"))
        return {point["id"]: point for point in report["points"]}

    def test_an_image_as_built_passes_and_runs(self) -> None:
        self.build(self.sample(), "--push")
        points = self.verdicts(self.image, "--run", "--strict")
        self.assertEqual({point["verdict"] for point in points.values()}, {"pass"}, points)
        self.assertIn("annotations", points)

    def test_an_image_with_another_package(self) -> None:
        """A third party's tag of the contract, with a .sha256 that is about something else."""
        self.build(self.sample(), "--push")
        image = f"{self.repository}/other:{TAG}"
        folder = self.folder / "context"
        folder.mkdir()
        self.run_program("extract", self.image, "-o", folder)
        (folder / f"{PACKAGE}.sha256").write_text(f"{'0' * 64}  {PACKAGE}\n")
        (folder / "Dockerfile").write_text(f"FROM scratch\nCOPY {PACKAGE} {PACKAGE}.sha256 /wasmx/dist/\n")
        self.docker("build", "--platform", f"linux/{DOCKER_ARCH}", "--tag", image, str(folder))
        self.docker("push", image)
        points = self.verdicts(image, exit_code=1)
        self.assertEqual([id for id, point in points.items() if point["verdict"] == "fail"], ["checksum"])
        self.assertEqual(points["annotations"]["verdict"], "skip")
        self.assertEqual(points["top-directory"]["observed"], TOP)
