mock_provider "aws" {}

variables {
  environment = "dev"
  account_id  = "111122223333"
  region      = "ap-northeast-1"
}

run "tags_never_move_and_pushes_are_scanned" {
  assert {
    condition     = aws_ecr_repository.api.image_tag_mutability == "IMMUTABLE"
    error_message = "a tag can be moved"
  }
  assert {
    condition     = aws_ecr_repository.api.image_scanning_configuration[0].scan_on_push
    error_message = "an image is not scanned when it is pushed"
  }
}

run "what_a_rollback_needs_is_kept" {
  variables {
    images_kept = 42
  }

  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.api.policy).rules[1].selection.countNumber == 42
    error_message = "another number of images is kept than was said"
  }
}

run "keeping_a_handful_is_refused" {
  command = plan
  variables {
    images_kept = 3
  }
  expect_failures = [var.images_kept]
}
