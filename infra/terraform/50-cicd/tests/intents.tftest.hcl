mock_provider "aws" {}

variables {
  environment       = "dev"
  account_id        = "111122223333"
  region            = "ap-northeast-1"
  github_repository = "harbour/tabi"
}

run "each_workflow_has_its_own_role_and_ci_has_none" {
  assert {
    condition     = toset(keys(module.role)) == toset(["release-ecr", "push-s3", "deploy"])
    error_message = "there are roles for other workflows"
  }
}

run "a_role_is_taken_by_one_subject_for_aws_only" {
  assert {
    condition = { for name, role in module.role : name => jsondecode(role.trust).Statement[0].Condition.StringLike["token.actions.githubusercontent.com:sub"] } == {
      release-ecr = "repo:harbour/tabi:ref:refs/tags/v*"
      push-s3     = "repo:harbour/tabi:ref:refs/heads/main"
      deploy      = "repo:harbour/tabi:environment:dev"
    }
    error_message = "a role can be taken from elsewhere"
  }
  assert {
    condition     = alltrue([for role in module.role : jsondecode(role.trust).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"])
    error_message = "a token for somebody else is accepted"
  }
}

run "an_account_that_has_the_provider_keeps_it" {
  variables {
    create_provider = false
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "a second provider would be made"
  }
}

run "a_pattern_of_repositories_is_refused" {
  command = plan
  variables {
    github_repository = "harbour/*"
  }
  expect_failures = [var.github_repository]
}
